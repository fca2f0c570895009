# Name servers; without, whoever starts the machine gives them.
if ! $OPT_RESOLVCONF_ENABLE; then
  remove etc/resolv.conf
  exit 0
fi
{
  printf '# Written by imgbuild.\n'
  search=$(printf '%s\n' "$OPT_RESOLVCONF_SEARCH" | paste -sd ' ' -)
  [ -z "$search" ] || printf 'search %s\n' "$search"
  for server in $OPT_RESOLVCONF_NAMESERVERS; do
    printf 'nameserver %s\n' "$server"
  done
} | write_file etc/resolv.conf
