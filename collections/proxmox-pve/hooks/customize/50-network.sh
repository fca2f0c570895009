# The network as Proxmox VE wants it: one bridge, which ifupdown2 brings up, and a host name that stands for an address of
# the machine and not for one of the loopback.
case $SUITE in
  bullseye | bookworm | trixie) ;;
  *) warn "Proxmox VE 7 is for bullseye, 8 for bookworm, 9 for trixie; of $SUITE nothing is known" ;;
esac
bridge=$OPT_PROXMOX_BRIDGE
address=$OPT_PROXMOX_ADDRESS

{
  printf '# Written by imgbuild. Proxmox VE changes this file when the network is changed in its interface.\n'
  printf 'auto lo\niface lo inet loopback\n'
  if [ -n "$OPT_PROXMOX_INTERFACE" ]; then
    family=inet
    case $address in *:*) family=inet6 ;; esac
    printf '\niface %s inet manual\n\nauto %s\n' "$OPT_PROXMOX_INTERFACE" "$bridge"
    if [ -n "$address" ]; then
      printf 'iface %s %s static\n\taddress %s\n' "$bridge" "$family" "$address"
      [ -z "$OPT_PROXMOX_GATEWAY" ] || printf '\tgateway %s\n' "$OPT_PROXMOX_GATEWAY"
    else
      printf 'iface %s inet dhcp\n' "$bridge"
    fi
    printf '\tbridge-ports %s\n\tbridge-stp off\n\tbridge-fd 0\n' "$OPT_PROXMOX_INTERFACE"
  fi
  printf '\nsource /etc/network/interfaces.d/*\n'
} | write_file etc/network/interfaces

if [ -n "$address" ]; then
  short=${OPT_HOSTNAME%%.*}
  name=$short
  [ "$OPT_HOSTNAME" = "$short" ] || name="$OPT_HOSTNAME $short"
  sed -i '/^127\.0\.1\.1[[:space:]]/d' "$ROOT/etc/hosts"
  append_line etc/hosts "$(printf '%s\t%s' "${address%/*}" "$name")"
else
  warn "before Proxmox VE is installed, /etc/hosts must name the machine's address for $OPT_HOSTNAME (proxmox.address does it)"
fi
enable_unit networking

# Archives of Proxmox have components such as pve-no-subscription.
found=
for file in "$ROOT"/etc/apt/sources.list.d/*; do
  [ -e "$file" ] || continue
  if grep -qE '(^|[[:space:]])pve-[a-z-]+' "$file"; then found=$file; fi
done
[ -n "$found" ] ||
  warn 'the image has no archive of Proxmox VE: name it with apt.sources, with its key (docs: collections/proxmox-pve/README.md)'
