# A server that refuses its configuration would lock everybody out: ask it now, with a key and a directory that it
# has at run time only. Late, so that what other collections put in /etc/ssh/conf.d is seen, too.
$OPT_SSHD_ENABLE || exit 0
made=
[ -d "$ROOT/run/sshd" ] || { make_dir run/sshd && made=yes; }
ssh-keygen -q -t ed25519 -N '' -f "$ROOT/run/imgbuild-check-key"
good=yes
in_target /usr/sbin/sshd -t -h /run/imgbuild-check-key 2>"$SCRATCH/sshd-check" || good=
rm -f "$ROOT/run/imgbuild-check-key" "$ROOT/run/imgbuild-check-key.pub"
[ -z "$made" ] || rmdir "$ROOT/run/sshd"
[ -n "$good" ] || die "sshd refuses its configuration: $(grep -v 'host key' "$SCRATCH/sshd-check")"
