# Temporary file systems of limited size, where the disk has none of its own.

# mount_tmpfs DIRECTORY SIZE OPTIONS
mount_tmpfs() {
  in_fstab "$1" || append_line etc/fstab "$(printf 'tmpfs\t%s\ttmpfs\trw,%s,size=%s\t0\t0' "$1" "$3" "$2")"
}

if $OPT_TMPFS_ENABLE; then
  mount_tmpfs /dev/shm "$OPT_TMPFS_SHM_SIZE" nosuid,nodev,mode=1777
  mount_tmpfs /tmp "$OPT_TMPFS_TMP_SIZE" nosuid,nodev,mode=1777
  mount_tmpfs /var/tmp "$OPT_TMPFS_VAR_TMP_SIZE" nosuid,nodev,mode=1777
  mount_tmpfs /run "$OPT_TMPFS_RUN_SIZE" nosuid,nodev,noexec,relatime,mode=0755
fi
if $OPT_TMPFS_APT_CACHE; then
  mount_tmpfs /var/cache/apt "$OPT_TMPFS_APT_CACHE_SIZE" nosuid,nodev,noexec,noatime,mode=0755
fi
