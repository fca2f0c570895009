# udev starts the agent as soon as the host offers its port: without one nothing runs.
key=block-rpcs
# QEMU 5.2; the newer name came with 7.1.
[ "$SUITE" != bullseye ] || key=blacklist
blocked=$(printf '%s\n' "$OPT_QEMU_GUEST_AGENT_BLOCKED" | awk 'NF && !seen[$0]++' | paste -sd, -)
{
  printf '# Written by imgbuild.\n[general]\n'
  [ -z "$blocked" ] || printf '%s=%s\n' "$key" "$blocked"
  if $OPT_QEMU_GUEST_AGENT_FREEZE_HOOK; then printf 'fsfreeze-hook=/etc/qemu/fsfreeze-hook\n'; fi
} | write_file etc/qemu/qemu-ga.conf

# The agent passes over what it does not know: ask it what it has understood.
in_target qemu-ga --dump-conf >"$SCRATCH/qemu-ga"
for command in $(printf '%s' "$blocked" | tr , ' '); do
  grep -qE "^(block-rpcs|blacklist)=.*\b$command\b" "$SCRATCH/qemu-ga" || die "qemu-ga of $SUITE does not block $command"
done
