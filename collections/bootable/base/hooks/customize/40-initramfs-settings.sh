# What the initramfs is made of; 90-initramfs.sh makes it.

# A machine that never hibernates need not look for an image of its memory.
write_file etc/initramfs-tools/conf.d/10-no-resume <<'END'
RESUME=none
END

# FSTYPE: the hook for fsck asks the file system on the device, and there is none yet.
contents=$OPT_INITRAMFS_CONTENTS
# zstd's level 9, the default, takes six times as long as 3 and saves an eighth. initramfs-tools of bullseye (0.140) takes 19
# and has no setting for it: up to a minute of a processor's time here, and on the machine with each kernel.
compress=zstd
[ "$SUITE" != bullseye ] || compress=gzip
write_file etc/initramfs-tools/conf.d/20-imgbuild <<END
# Written by imgbuild.
MODULES=$contents
COMPRESS=$compress
COMPRESSLEVEL=3
FSTYPE=$DISK_ROOT_FORMAT
END

# In the initramfs, but not loaded by name as /etc/initramfs-tools/modules would have it: udev loads what finds its device,
# all at once. One that a kernel does not have is passed over without a word; 90-initramfs.sh tells of those that must be
# there.
modules=$(printf '%s\n' "$OPT_INITRAMFS_REQUIRED" "$OPT_INITRAMFS_MODULES" "$DISK_ROOT_FORMAT" | awk 'NF && !seen[$0]++' | xargs)
write_file etc/initramfs-tools/hooks/imgbuild-modules 0755 <<END
#!/bin/sh
# Written by imgbuild: kernel modules that this machine starts with.
[ "\$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
manual_add_modules $modules
END
