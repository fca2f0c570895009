# The initramfs of every kernel: once, when all that it is made of is there, and then looked into. One without modules
# is made without complaint and starts nothing.
# shellcheck source=collections/bootable/base/files/kernels.sh
. "$FILES/kernels.sh"

names() { sed -E 's#.*/##; s#\.ko(\.[a-z]+)?$##' | tr - _ | sort -u; }

# What Debian's initramfs is not made of, and options change most: unless some hook of a package or of the user names it.
unread=
for name in etc/hostname etc/hosts etc/motd etc/passwd etc/passwd- etc/group etc/group- etc/shadow etc/shadow- etc/gshadow \
  etc/gshadow- etc/subuid etc/subgid etc/ssh etc/sudoers.d home root srv var/cache var/log; do
  grep -rqsF -e "$name" "$ROOT/etc/initramfs-tools" "$ROOT/usr/share/initramfs-tools/hooks" \
    "$ROOT/usr/share/initramfs-tools/conf-hooks.d" || unread="$unread $name"
done

for kernel in $(kernels); do
  # Left by a package's own run, it would only be updated.
  rm -f "$ROOT/boot/initrd.img-$kernel"
  # In /var/tmp, where it works otherwise, it would leave a trace: the time of that directory.
  once "boot/initrd.img-$kernel var/lib/initramfs-tools/$kernel" . "$unread" \
    in_target env TMPDIR=/tmp update-initramfs -c -k "$kernel"
  directory=$(modules_directory "$kernel")
  names <"$ROOT/$directory/modules.builtin" >"$SCRATCH/builtin"
  sed 's/:.*//' "$ROOT/$directory/modules.dep" | names >"$SCRATCH/modules"
  in_target lsinitramfs "/boot/initrd.img-$kernel" >"$SCRATCH/initrd-$kernel"
  grep -E '\.ko(\.[a-z]+)?$' "$SCRATCH/initrd-$kernel" | names >"$SCRATCH/packed" || true

  # Root's own driver counts, whatever the options say.
  # shellcheck disable=SC2086 # lists of modules
  printf '%s\n' $OPT_INITRAMFS_REQUIRED $DISK_ROOT_FORMAT | names | comm -23 - "$SCRATCH/builtin" | comm -23 - "$SCRATCH/packed" >"$SCRATCH/missing"
  module=$(sed -n '/./{p;q}' "$SCRATCH/missing")
  [ -z "$module" ] ||
    die "the initramfs of the kernel $kernel has no module $module, and the machine needs it to start" \
      "(initramfs.required; is kernel.flavour=$OPT_KERNEL_FLAVOUR right for this target?)"
  # shellcheck disable=SC2086
  printf '%s\n' $OPT_INITRAMFS_MODULES | names | comm -12 - "$SCRATCH/modules" | comm -23 - "$SCRATCH/packed" >"$SCRATCH/missing"
  module=$(sed -n '/./{p;q}' "$SCRATCH/missing")
  [ -z "$module" ] || die "the initramfs of the kernel $kernel lacks the module $module, which the kernel has"
  say "initramfs of $kernel: $(wc -l <"$SCRATCH/packed") modules," \
    "$(($(stat -c %s "$ROOT/boot/initrd.img-$kernel") / 1024)) KiB"
done
[ -n "$(kernels)" ] || newest_kernel
