# Networks that have no business outside: packets to them end here. A network within another one does no harm.
$OPT_SINKHOLE_ENABLE || exit 0

# when WANTED NETWORK…
when() {
  _wanted=$1
  shift
  if "$_wanted"; then printf '%s\n' "$@"; fi
}
networks=$(
  when "$OPT_SINKHOLE_IPV4_DOCUMENTATION" 192.0.2.0/24 198.51.100.0/24 203.0.113.0/24
  when "$OPT_SINKHOLE_IPV4_CGNAT" 100.64.0.0/10
  when "$OPT_SINKHOLE_IPV4_DSLITE" 192.0.0.0/24
  when "$OPT_SINKHOLE_IPV4_BENCHMARK" 198.18.0.0/15
  when "$OPT_SINKHOLE_IPV4_PRIVATE" 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16
  printf '%s\n' "$OPT_SINKHOLE_IPV4_NETWORKS"
  when "$OPT_SINKHOLE_IPV6_DOCUMENTATION" 2001:db8::/32
  when "$OPT_SINKHOLE_IPV6_LOCAL" fc00::/7
  when "$OPT_SINKHOLE_IPV6_TEREDO" 2001::/32
  when "$OPT_SINKHOLE_IPV6_BENCHMARK" 2001:2::/48
  when "$OPT_SINKHOLE_IPV6_6TO4" 2002::/16
  printf '%s\n' "$OPT_SINKHOLE_IPV6_NETWORKS"
)

write_file "etc/systemd/network/01-$OPT_SINKHOLE_NAME.netdev" <<END
# Written by imgbuild.
[NetDev]
Description=where packets end
Name=$OPT_SINKHOLE_NAME
Kind=dummy
END
{
  cat <<END
# Written by imgbuild.
[Match]
Name=$OPT_SINKHOLE_NAME

[Link]
RequiredForOnline=no

[Network]
ConfigureWithoutCarrier=yes
IgnoreCarrierLoss=yes
DHCP=no
LinkLocalAddressing=no
IPv6AcceptRA=no
END
  printf '%s\n' "$networks" | awk -v type="$OPT_SINKHOLE_TYPE" \
    'NF && !seen[$0]++ { printf "\n[Route]\nDestination=%s\nType=%s\n", $0, type }'
} | write_file "etc/systemd/network/01-$OPT_SINKHOLE_NAME.network"
