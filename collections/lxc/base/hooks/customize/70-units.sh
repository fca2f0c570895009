# systemd-networkd brings up the network in a tenth of the time that ifupdown takes, and nothing waits for it.
enable_unit imgbuild-network-interfaces.service imgbuild-network-interfaces.path systemd-networkd.service
mask_unit systemd-networkd-wait-online.service
mask_unit_ahead networking.service systemd-resolved.service

# The console of a container is /dev/console; it has no virtual terminals.
enable_unit console-getty.service
disable_unit getty@tty1.service

# What belongs to the host: kernel modules, kernel file systems, the audit log, trimming disks.
mask_unit sys-kernel-config.mount sys-kernel-debug.mount systemd-journald-audit.socket systemd-modules-load.service modprobe@.service
disable_unit fstrim.timer
