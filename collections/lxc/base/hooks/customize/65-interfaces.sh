# Proxmox VE fills this file; imgbuild-network-interfaces makes systemd-networkd follow it.
[ -e "$ROOT/etc/network/interfaces" ] || write_file etc/network/interfaces <<'END'
# Network interfaces of this container, as in interfaces(5). Changes take effect at once:
# /usr/local/sbin/imgbuild-network-interfaces translates them for systemd-networkd.
END
