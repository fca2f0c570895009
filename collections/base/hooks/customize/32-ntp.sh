# chrony asks the servers of the options instead of Debian's and those that DHCP names.
$OPT_NTP_ENABLE || exit 0
[ -n "$OPT_NTP_POOL$OPT_NTP_SERVERS" ] || exit 0

conf=$ROOT/etc/chrony/chrony.conf
grep -q '^[[:space:]]*sourcedir[[:space:]]*/etc/chrony/sources\.d' "$conf" ||
  die "chrony of $SUITE does not read /etc/chrony/sources.d"
sed -i -E 's#^[[:space:]]*((peer|pool|server)[[:space:]]|sourcedir[[:space:]]+/run/chrony-dhcp)#\#\1#' "$conf"
{
  printf '# Written by imgbuild.\n'
  [ -z "$OPT_NTP_POOL" ] || printf 'pool %s iburst\n' "$OPT_NTP_POOL"
  for server in $OPT_NTP_SERVERS; do
    printf 'server %s iburst\n' "$server"
  done
} | write_file etc/chrony/sources.d/10-default.sources
