# The initramfs of every kernel: once, when all that it is made of is there, and then looked into. One without modules
# is made without complaint and starts nothing.
# shellcheck source=collections/bootable/base/files/kernels.sh
. "$FILES/kernels.sh"

names() { sed -E 's#.*/##; s#\.ko(\.[a-z]+)?$##' | tr - _ | sort -u; }

for kernel in $(kernels); do
  # Left by a package's own run, it would only be updated.
  rm -f "$ROOT/boot/initrd.img-$kernel"
  in_target update-initramfs -c -k "$kernel"
  directory=$(modules_directory "$kernel")
  names <"$ROOT/$directory/modules.builtin" >"$SCRATCH/builtin"
  sed 's/:.*//' "$ROOT/$directory/modules.dep" | names >"$SCRATCH/modules"
  in_target lsinitramfs "/boot/initrd.img-$kernel" >"$SCRATCH/initrd"
  grep -E '\.ko(\.[a-z]+)?$' "$SCRATCH/initrd" | names >"$SCRATCH/packed" || true

  # Root's own driver counts, whatever the options say.
  for module in $OPT_INITRAMFS_REQUIRED $DISK_ROOT_FORMAT; do
    name=$(printf '%s\n' "$module" | tr - _)
    grep -qxF -e "$name" "$SCRATCH/builtin" "$SCRATCH/packed" ||
      die "the initramfs of the kernel $kernel has no module $module, and the machine needs it to start" \
        "(initramfs.required; is kernel.flavour=$OPT_KERNEL_FLAVOUR right for this target?)"
  done
  for module in $OPT_INITRAMFS_MODULES; do
    name=$(printf '%s\n' "$module" | tr - _)
    if grep -qxF -e "$name" "$SCRATCH/modules" && ! grep -qxF -e "$name" "$SCRATCH/packed"; then
      die "the initramfs of the kernel $kernel lacks the module $module, which the kernel has"
    fi
  done
  say "initramfs of $kernel: $(wc -l <"$SCRATCH/packed") modules," \
    "$(($(stat -c %s "$ROOT/boot/initrd.img-$kernel") / 1024)) KiB"
done
[ -n "$(kernels)" ] || newest_kernel
