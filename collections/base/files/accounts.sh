# shellcheck shell=sh
# What the hooks of the login, unprivileged and control accounts share.

# make_home USER ID MODE: a home directory on the disk; nothing of /etc/skel is copied.
make_home() {
  make_dir "home/$1" "$3" "$2:$2"
}

# ramdisk_home USER ID MODE SIZE OPTIONS: a home that is empty at each boot, unless the disk has a file system for it. Its
# mount point is root's and closed, so that nothing is written below it when the mount fails.
ramdisk_home() {
  if in_fstab "/home/$1"; then
    make_home "$1" "$2" "$3"
    return
  fi
  make_dir "home/$1" 0500
  append_line etc/fstab "# Home of $1" \
    "$(printf 'home\t/home/%s\ttmpfs\trw,nosuid,nodev,%s,size=%s,mode=%s,uid=%s,gid=%s\t0\t0' "$1" "$5" "$4" "$3" "$2" "$2")"
}

# authorize_keys USER ID KEYS FROM: the keys that log in as USER, one a line, each bound to the addresses FROM (one a
# line, none for anywhere). A key that ssh-keygen cannot read is an error.
authorize_keys() {
  _keys=$(printf '%s\n' "$3" | grep . || true)
  if [ -z "$_keys" ]; then
    warn "$1 has no authorized keys: nobody can log in as $1 by SSH"
  else
    # ssh-keygen passes over lines that are not keys, and only complains when there is no other.
    _good=$(printf '%s\n' "$_keys" | { in_target ssh-keygen -l -f - || true; } | wc -l)
    [ "$_good" -eq "$(printf '%s\n' "$_keys" | wc -l)" ] || die "one of the authorized keys of $1 is not a key"
    if [ -n "$4" ]; then
      _from=$(printf '%s\n' "$4" | paste -sd, -)
      # Options of the key itself stay, behind ours.
      _keys=$(printf '%s\n' "$_keys" | sed -E "s#^(ssh-|ecdsa-|sk-)#from=\"$_from\" \\1#; t; s#^#from=\"$_from\",#")
    fi
  fi
  printf '%s' "${_keys:+$_keys
}" | write_file "etc/ssh/authorized_keys/$1" 0640 "0:$2"
}
