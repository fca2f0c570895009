# GRUB's configuration for the first boots, and the settings from which `update-grub` makes the next one on the machine (with
# the next kernel at the latest). grub-mkconfig itself cannot be used here: it asks for the devices of the running machine.
# shellcheck source=collections/bootable/base/files/kernels.sh
. "$FILES/kernels.sh"
[ -n "$DISK_ROOT_SOURCE" ] || die "bootable/base needs a disk: use a target with one, or set disk.firmware"
kernel=$(newest_kernel)

# The screen is named first, because /dev/console is the last console that exists: a machine without the serial port has
# the screen.
consoles=
serial=$(serial_port "$OPT_BOOT_SERIAL")
if [ -n "$serial" ]; then consoles="console=tty0 console=$serial"; fi
cmdline=$(printf '%s %s' "$OPT_BOOT_CMDLINE" "$consoles" | xargs)

# GRUB's own menu: firmware of UEFI machines shows it on the serial port by itself.
port=
speed=115200
case $serial in
  ttyS[0-9]*)
    port=${serial%%,*}
    port=${port#ttyS}
    rate=${serial#*,}
    rate=${rate%%[neo]*}
    case $rate in *[!0-9]* | '') ;; *) speed=$rate ;; esac
    ;;
esac
[ "$DISK_FIRMWARE" != uefi ] || port=

# Settings of ours beside the packaged file, which stays as Debian made it.
write_file etc/default/grub.d/50-imgbuild.cfg <<END
# Written by imgbuild. After a change run update-grub.
GRUB_TIMEOUT=$OPT_BOOT_TIMEOUT
GRUB_RECORDFAIL_TIMEOUT=$OPT_BOOT_TIMEOUT
GRUB_CMDLINE_LINUX_DEFAULT=""
GRUB_CMDLINE_LINUX="$cmdline"
GRUB_DISABLE_OS_PROBER=true
END
if [ -n "$port" ]; then
  append_line etc/default/grub.d/50-imgbuild.cfg 'GRUB_TERMINAL="console serial"' \
    "GRUB_SERIAL_COMMAND=\"serial --unit=$port --speed=$speed\""
fi

make_dir boot/grub
{
  printf '# Written by imgbuild; update-grub replaces it.\n'
  printf 'set default=0\nset timeout=%s\n' "$OPT_BOOT_TIMEOUT"
  if [ -n "$port" ]; then
    printf 'insmod serial\nserial --unit=%s --speed=%s\nterminal_input console serial\nterminal_output console serial\n' \
      "$port" "$speed"
  fi
  for module in $DISK_GRUB_MODULES; do printf 'insmod %s\n' "$module"; done
  cat <<END
# What started this file has found the file system already, by its place on the disk that was started; only when it is not
# there the UUID decides. A copy of the disk beside the disk would have the same.
if [ ! -e "(\$root)$DISK_BOOT_PREFIX/vmlinuz-$kernel" ]; then
  search --no-floppy --fs-uuid --set=root $DISK_BOOT_UUID
fi
set source="$DISK_ROOT_SOURCE"
set first=""
set more=""
if [ -e "(\$root)$DISK_BOOT_PREFIX/grub/firstboot.cfg" ]; then
  source "(\$root)$DISK_BOOT_PREFIX/grub/firstboot.cfg"
fi
export source first more
menuentry "Debian GNU/Linux" --class debian --class gnu-linux --class os {
  linux $DISK_BOOT_PREFIX/vmlinuz-$kernel root=\$source ${DISK_ROOT_FLAGS:+rootflags=$DISK_ROOT_FLAGS }ro ${cmdline:+$cmdline }\$first
  initrd $DISK_BOOT_PREFIX/initrd.img-$kernel \$more
}
END
} | write_file boot/grub/grub.cfg
