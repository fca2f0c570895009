# For machines with arrays: the command that adds disks to them, and a start without a disk that has failed.
case " $DISK_ROOT_LAYERS $DISK_GRUB_MODULES " in
  *' raid1 '* | *' mdraid1x '*) ;;
  *)
    remove usr/local/sbin/raid-add-disk
    remove usr/local/sbin/esp-mirror
    exit 0
    ;;
esac

# Upgrades of GRUB and the shim reach the EFI partition of the other disk, too. By dpkg's own configuration, for apt is not the
# only one that calls it; a failure must not be one of the packages.
if [ "$DISK_FIRMWARE" = bios ]; then
  remove usr/local/sbin/esp-mirror
else
  write_file etc/dpkg/dpkg.cfg.d/imgbuild-esp <<'END'
# Written by imgbuild: the EFI partitions of all disks stay alike.
post-invoke="if [ -x /usr/local/sbin/esp-mirror ]; then /usr/local/sbin/esp-mirror || echo 'esp-mirror has failed: the EFI partition of another disk is as it was' >&2; fi"
END
fi

# mdadm's own script starts an array that misses a member only after twenty rounds of waiting for the root file system; where
# that is encrypted, a round takes so long that there are three (mdadm 4.2, cryptsetup 2.6.1). This one comes before
# cryptsetup's, which runs after all others of local-top.
write_file etc/initramfs-tools/scripts/local-top/imgbuild-arrays 0755 <<'END_OF_SCRIPT'
#!/bin/sh
# Written by imgbuild: starts arrays whose other members do not come.
if [ "$1" = prereqs ]; then
  echo
  exit 0
fi
. /scripts/functions
wait_for_udev 10
wanted=$(grep -c '^ARRAY' /etc/mdadm/mdadm.conf)
n=0
while [ "$n" -lt 30 ]; do
  [ "$(grep -c '^md' /proc/mdstat)" -lt "$wanted" ] || grep -q '^md[^ ]* : inactive' /proc/mdstat || exit 0
  n=$((n + 1))
  sleep 1
done
sed -n 's/^\(md[^ ]*\) : inactive.*/\1/p' /proc/mdstat | while read -r name; do
  log_warning_msg "starting the array $name without a member that is missing"
  mdadm --quiet --run "/dev/$name"
done
END_OF_SCRIPT
