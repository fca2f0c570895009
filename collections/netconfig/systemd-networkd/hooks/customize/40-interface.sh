# The network interface: without options every Ethernet interface, whatever its name is on the machine at hand.
$OPT_NETWORK_ENABLE || exit 0

name=$OPT_NETWORK_INTERFACE
mac=$OPT_NETWORK_MAC
if [ -n "$OPT_NETWORK_RENAME" ]; then
  # The initramfs takes a copy: udev names interfaces there.
  write_file "etc/systemd/network/10-$OPT_NETWORK_RENAME.link" <<END
# Written by imgbuild.
[Match]
Type=ether
${mac:+PermanentMACAddress=$mac}${name:+OriginalName=$name}

[Link]
NamePolicy=
Name=$OPT_NETWORK_RENAME
END
fi

match() {
  printf 'Type=ether\n'
  if [ -n "$OPT_NETWORK_RENAME" ]; then
    printf 'Name=%s\n' "$OPT_NETWORK_RENAME"
  elif [ -n "$mac" ]; then
    printf 'PermanentMACAddress=%s\n' "$mac"
  elif [ -n "$name" ]; then
    printf 'Name=%s\n' "$name"
  elif [ "$SUITE" = bullseye ]; then
    # Pairs of virtual interfaces call themselves Ethernet, too, and systemd 247 cannot tell them by their kind.
    printf 'Name=!veth*\n'
  else
    printf 'Kind=!*\n'
  fi
}

# setting NAME VALUE [WANTED]
setting() { if "${3:-true}"; then printf '%s=%s\n' "$1" "$2"; fi; }
yes_no() { if "$1"; then printf yes; else printf no; fi; }

dhcp=no
if $OPT_NETWORK_IPV4_ENABLE && $OPT_NETWORK_IPV4_DHCP; then dhcp=ipv4; fi
if $OPT_NETWORK_IPV6_ENABLE && $OPT_NETWORK_IPV6_DHCP; then
  if [ "$dhcp" = ipv4 ]; then dhcp=yes; else dhcp=ipv6; fi
fi
addresses=$(
  if $OPT_NETWORK_IPV4_ENABLE; then printf '%s\n' "$OPT_NETWORK_IPV4_ADDRESSES"; fi
  if $OPT_NETWORK_IPV6_ENABLE; then printf '%s\n' "$OPT_NETWORK_IPV6_ADDRESSES"; fi
)
addresses=$(printf '%s\n' "$addresses" | awk NF)
advertised=false
if $OPT_NETWORK_IPV6_ENABLE && $OPT_NETWORK_IPV6_AUTOCONF; then advertised=true; fi
[ "$dhcp" != no ] || [ -n "$addresses" ] || $advertised ||
  warn "the network interface gets no address: neither DHCP, nor router advertisements, nor fixed addresses"

# 50: what somebody puts beside it on the machine, such as cloud-init with its 10-, comes first.
{
  printf '# Written by imgbuild.\n[Match]\n'
  match
  printf '\n[Link]\nRequiredForOnline=routable\n\n[Network]\n'
  if [ -n "$addresses" ]; then
    setting ConfigureWithoutCarrier yes
    setting IgnoreCarrierLoss yes
  fi
  setting DHCP "$dhcp"
  setting LinkLocalAddressing "$(if $OPT_NETWORK_IPV6_ENABLE; then printf ipv6; else printf no; fi)"
  setting IPv6AcceptRA "$(yes_no "$advertised")"
  setting IPv6PrivacyExtensions "$(yes_no "$OPT_NETWORK_IPV6_PRIVACY")" "$OPT_NETWORK_IPV6_ENABLE"
  case $dhcp in ipv4 | yes) printf '\n[DHCPv4]\nSendHostname=%s\n' "$(yes_no "$OPT_NETWORK_SEND_HOSTNAME")" ;; *) ;; esac
  case $dhcp in ipv6 | yes) printf '\n[DHCPv6]\nSendHostname=%s\n' "$(yes_no "$OPT_NETWORK_SEND_HOSTNAME")" ;; *) ;; esac
  for address in $addresses; do printf '\n[Address]\nAddress=%s\n' "$address"; done
  if $OPT_NETWORK_IPV4_ENABLE && [ -n "$OPT_NETWORK_IPV4_GATEWAY" ]; then
    printf '\n[Route]\nGateway=%s\n' "$OPT_NETWORK_IPV4_GATEWAY"
  fi
  if $OPT_NETWORK_IPV6_ENABLE && [ -n "$OPT_NETWORK_IPV6_GATEWAY" ]; then
    printf '\n[Route]\nGateway=%s\n' "$OPT_NETWORK_IPV6_GATEWAY"
  fi
} | write_file etc/systemd/network/50-default.network
