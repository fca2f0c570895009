# The rules, and what loads them before there is any network.

# ports PROTOCOL LIST: a rule that accepts them, if there are any.
ports() {
  # shellcheck disable=SC2086 # one port a line, without blanks in it
  list=$(printf '%s\n' $2 | sort -n | uniq | paste -sd, - | sed 's/,/, /g')
  [ -z "$list" ] || printf '    %s dport { %s } accept\n' "$1" "$list"
}

# logged PREFIX
logged() {
  if $OPT_NFTABLES_LOG; then printf '    limit rate 10/minute log prefix "%s: " level warn\n' "$1"; fi
}

# Only names that nft itself knows: the initramfs has neither /etc/services nor /etc/protocols.
{
  cat <<'END'
#!/usr/sbin/nft -f
# Written by imgbuild. Own rules go to files of their own, /etc/nftables.d/input/*.nft and /etc/nftables.d/output/*.nft, one
# rule a line: they come before what is dropped. After a change:
#   nft -c -f /etc/nftables.conf && systemctl reload nftables

# Made first so that it can be deleted: the tables of others (docker, podman, fail2ban) stay. nft does all of this at once.
table inet filter
delete table inet filter

table inet filter {
END
  cat "$FILES/common.nft"

  printf '\n  # For the options, for collections, and for whoever runs the machine.\n  chain input_local {\n'
  if $OPT_NFTABLES_INPUT_ALLOW; then
    ports tcp "$OPT_NFTABLES_INPUT_TCP"
    ports udp "$OPT_NFTABLES_INPUT_UDP"
  fi
  printf '    include "/etc/nftables.d/input/*.nft"\n  }\n  chain output_local {\n'
  if $OPT_NFTABLES_OUTPUT_ALLOW; then
    ports tcp "$OPT_NFTABLES_OUTPUT_TCP"
    ports udp "$OPT_NFTABLES_OUTPUT_UDP"
  fi
  printf '    include "/etc/nftables.d/output/*.nft"\n  }\n'

  cat <<'END'

  chain input {
    type filter hook input priority 0; policy drop;
    iifname "lo" accept
    ct state established,related accept
    jump icmp_needed
    # Answers of DHCP and DHCPv6.
    udp sport 67 udp dport 68 accept
    udp sport 547 udp dport 546 accept
END
  if $OPT_SSHD_ENABLE; then printf '    tcp dport 22 accept\n'; fi
  cat <<'END'
    jump input_local
    meta pkttype { broadcast, multicast } drop
END
  logged drop-incoming

  if $OPT_NFTABLES_FORWARD; then
    printf '  }\n\n  chain forward {\n    type filter hook forward priority 0; policy accept;\n  }\n'
  else
    printf '  }\n\n  chain forward {\n    type filter hook forward priority 0; policy drop;\n'
    logged drop-forward
    printf '  }\n'
  fi

  if $OPT_NFTABLES_OUTPUT_RESTRICT; then
    cat <<'END'

  chain output {
    type filter hook output priority 0; policy drop;
    oifname "lo" accept
    ct state established,related accept
    jump icmp_needed
    # DHCP, DHCPv6, DNS, NTP.
    udp sport 68 udp dport 67 accept
    udp sport 546 udp dport 547 accept
    udp dport { 53, 123 } accept
    tcp dport { 22, 53, 80, 443 } accept
    # Caches of packages and web proxies.
    ip daddr @private4 tcp dport { 3128, 3142, 8080 } accept
    ip6 daddr @private6 tcp dport { 3128, 3142, 8080 } accept
    jump output_local
    meta pkttype { broadcast, multicast } drop
END
    logged reject-outgoing
    # Who is refused learns so at once.
    printf '    reject with tcp reset\n    reject\n  }\n'
  else
    printf '\n  chain output {\n    type filter hook output priority 0; policy accept;\n    jump output_local\n  }\n'
  fi
  printf '}\n'
} | write_file etc/nftables.conf 0600
enable_unit nftables

if $OPT_NFTABLES_EARLY && [ -d "$ROOT/etc/initramfs-tools" ]; then
  write_file etc/initramfs-tools/hooks/imgbuild-nftables 0755 <"$FILES/initramfs/hook"
  # The earliest place: network comes up in init-premount, when anything of the initramfs needs it.
  write_file etc/initramfs-tools/scripts/init-top/imgbuild-nftables 0755 <"$FILES/initramfs/init-top"
fi
