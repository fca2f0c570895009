# Whoever makes a container writes its network into etc/network/interfaces, and imgbuild-network-interfaces makes
# systemd-networkd follow it: Proxmox VE always, Incus where there is no such file.
make_dir etc/network
