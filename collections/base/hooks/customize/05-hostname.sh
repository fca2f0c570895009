# The machine's own name; without one, whoever starts the machine gives it.
short=${OPT_HOSTNAME%%.*}
if [ -n "$short" ]; then
  printf '%s\n' "$short" | write_file etc/hostname
else
  remove etc/hostname
fi

# hosts(5) of a Debian installation: the own name resolves without any network.
{
  printf '127.0.0.1\tlocalhost\n'
  if [ "$OPT_HOSTNAME" != "$short" ]; then
    printf '127.0.1.1\t%s %s\n' "$OPT_HOSTNAME" "$short"
  elif [ -n "$short" ]; then
    printf '127.0.1.1\t%s\n' "$short"
  fi
  printf '\n::1\tlocalhost ip6-localhost ip6-loopback\nff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n'
} | write_file etc/hosts
