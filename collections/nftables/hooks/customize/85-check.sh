# Rules that nft refuses would leave the machine open, or shut for good: ask it now. Late, so that the rules of other
# collections are seen, too. In a network of its own, as whoever builds may not be allowed to look at that of the machine.
check() { unshare --net chroot "$ROOT" /usr/sbin/nft -c -f "$1"; }

# A kernel without nftables cannot check anything.
write_file run/imgbuild-nftables.conf <<'END'
table inet imgbuild { chain input { type filter hook input priority 0; ct state established accept; } }
END
able=yes
check /run/imgbuild-nftables.conf >"$SCRATCH/nftables" 2>&1 || able=
remove run/imgbuild-nftables.conf
if [ -z "$able" ]; then
  warn "the rules of nftables are not checked: the kernel of this machine cannot ($(sed -n '/./{p;q}' "$SCRATCH/nftables"))"
  exit 0
fi
check /etc/nftables.conf >"$SCRATCH/nftables" 2>&1 ||
  die "nft refuses the rules of the image (see /etc/nftables.conf and what collections put below /etc/nftables.d):
$(cat "$SCRATCH/nftables")"
