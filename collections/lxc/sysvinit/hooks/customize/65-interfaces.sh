# ifupdown reads what Proxmox VE writes; elsewhere the container asks DHCP.
write_file etc/network/interfaces <<'END'
# Network interfaces of this container, as in interfaces(5). Proxmox VE replaces this file.
auto lo
iface lo inet loopback

auto eth0
iface eth0 inet dhcp

source /etc/network/interfaces.d/*
END
make_dir etc/network/interfaces.d
