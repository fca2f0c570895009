# The initramfs of every kernel has what loads the rules: a firewall that is only meant to be there is none.
$OPT_NFTABLES_EARLY || exit 0
for file in "$ROOT"/boot/initrd.img-*; do
  [ -e "$file" ] || continue
  kernel=${file##*/initrd.img-}
  in_target lsinitramfs "/boot/initrd.img-$kernel" >"$SCRATCH/nftables-initrd"
  for part in 'sbin/nft' 'etc/nftables\.conf' 'scripts/init-top/imgbuild-nftables'; do
    grep -qE "(^|/)$part\$" "$SCRATCH/nftables-initrd" ||
      die "the initramfs of the kernel $kernel lacks $part: it would not load the rules of nftables"
  done
  builtin=$(cat "$ROOT/usr/lib/modules/$kernel/modules.builtin" "$ROOT/lib/modules/$kernel/modules.builtin" 2>/dev/null || :)
  for module in nf_tables nft_ct nft_limit nft_log nft_reject_inet; do
    grep -qE "/$module\.ko(\.[a-z]+)?\$" "$SCRATCH/nftables-initrd" ||
      printf '%s\n' "$builtin" | grep -qE "/$module\.ko\$" ||
      die "the initramfs of the kernel $kernel has no module $module: the rules of nftables could not be loaded"
  done
done
