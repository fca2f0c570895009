# When GRUB's packages are upgraded on the machine they install it again: to the fallback path as well, from which this
# image starts, and without touching the firmware's list of entries, which does not travel with a disk.
[ "$DISK_FIRMWARE" != bios ] || exit 0
debconf_set <<END
grub-efi-$ARCH grub2/update_nvram boolean false
grub-efi-$ARCH grub2/force_efi_extra_removable boolean true
END
