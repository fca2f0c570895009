# An upgrade of GRUB's packages on the machine would ask which disks it is to be written to. It need not be: what is on the
# disk goes on loading the modules that belong to it until somebody runs grub-install.
if [ "$DISK_FIRMWARE" = bios ]; then
  debconf_set <<END
grub-pc grub-pc/install_devices multiselect
grub-pc grub-pc/install_devices_empty boolean true
END
fi
