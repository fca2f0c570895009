# shellcheck shell=sh
# What hooks ask of the kernels in the image.

# kernels: the versions of the kernels in /boot, the newest last.
kernels() {
  for _file in "$ROOT"/boot/vmlinuz-*; do
    [ -e "$_file" ] || continue
    printf '%s\n' "${_file##*/vmlinuz-}"
  done | sort -V
}

# newest_kernel: the one that is started; ends the build when there is none.
newest_kernel() {
  _newest=$(kernels | tail -n 1)
  [ -n "$_newest" ] || die "the image has no kernel in /boot: set kernel.flavour, or list a kernel's package in the profile"
  printf '%s\n' "$_newest"
}

# modules_directory VERSION: where its modules are, in the image. Debian 13 ships them below /usr/lib itself; before, it was
# the link /lib that led there.
modules_directory() {
  for _dir in "usr/lib/modules/$1" "lib/modules/$1"; do
    if [ -d "$ROOT/$_dir" ]; then
      printf '%s\n' "$_dir"
      return 0
    fi
  done
  die "the kernel $1 has no modules in the image"
}
