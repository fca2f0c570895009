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
# manual_add_modules (initramfs-tools 0.142) takes some ten processes for each module: those that name no firmware are copied
# in one go, which is a second less for each kernel, here and on the machine. From /, because cp (coreutils 9.1) looks for the
# modes of the parents by their paths without the first slash.
write_file etc/initramfs-tools/hooks/imgbuild-modules 0755 <<END
#!/bin/sh
# Written by imgbuild: kernel modules that this machine starts with.
[ "\$1" != prereqs ] || exit 0
. /usr/share/initramfs-tools/hook-functions
modules="$modules"
END
cat >>"$ROOT/etc/initramfs-tools/hooks/imgbuild-modules" <<'END'
# With `softdep` lines only the second says all; with `install` lines the first.
# shellcheck disable=SC2086,SC2154 # lists; version is mkinitramfs' own
files=$(for way in --ignore-install --quiet; do
  modprobe --all --set-version="$version" --quiet $way --show-depends $modules
done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u)
[ -n "$files" ] || exit 0
# shellcheck disable=SC2086
modinfo -k "$version" $files |
  awk '/^filename:/ { file = $2; plain[file] = 1 } /^firmware:/ { delete plain[file] } END { for (file in plain) print file }' |
  sort | (cd / && xargs -r cp -p --parents -t "$DESTDIR")
for file in $files; do
  [ -e "$DESTDIR$file" ] && continue
  name=${file##*/}
  manual_add_modules "${name%%.*}"
done
END
