# The service that asks for another passphrase, on the console that the machine starts with.
device=
[ ! -s "$ROOT/etc/crypttab" ] || device=$(awk '!/^#/ && NF { print substr($2, 6); exit }' "$ROOT/etc/crypttab")
if [ "$OPT_LUKS_REKEY" = none ] || [ -z "$device" ]; then
  [ "$OPT_LUKS_REKEY" = none ] || warn "luks.rekey=$OPT_LUKS_REKEY: nothing is encrypted"
  remove usr/lib/imgbuild/rekey
  rmdir "$ROOT/usr/lib/imgbuild" 2>/dev/null || true
  exit 0
fi
# A login on a serial console comes after it, too.
logins='getty.target getty@tty1.service'
serial=$(serial_port "$OPT_BOOT_SERIAL")
[ -z "$serial" ] || logins="$logins serial-getty@${serial%%,*}.service"
unit=/etc/systemd/system/imgbuild-rekey.service
write_file "$unit" <<END
# Written by imgbuild; removes itself when it is done.
[Unit]
Description=Another passphrase for the encrypted storage
After=local-fs.target systemd-vconsole-setup.service console-setup.service imgbuild-firstboot.service
Before=$logins
ConditionPathExists=/usr/lib/imgbuild/rekey

[Service]
Type=oneshot
# Nothing else writes on the screen meanwhile.
ExecStartPre=-/bin/dmesg -n 1
ExecStart=/usr/lib/imgbuild/rekey $OPT_LUKS_REKEY /dev/disk/by-uuid/$device
ExecStartPost=/bin/rm -f /usr/lib/imgbuild/rekey /etc/systemd/system/multi-user.target.wants/imgbuild-rekey.service $unit
StandardInput=tty-force
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
TTYReset=yes
TimeoutStartSec=infinity

[Install]
WantedBy=multi-user.target
END
enable_unit imgbuild-rekey.service
