# systemd-networkd brings up the network in a tenth of the time that ifupdown takes, and nothing waits for it. The console
# of a container is /dev/console: it has no virtual terminals.
enable_unit imgbuild-network-interfaces.service imgbuild-network-interfaces.path systemd-networkd.service console-getty.service
mask_unit systemd-networkd-wait-online.service
mask_unit_ahead networking.service systemd-resolved.service

# What belongs to the host: disks, kernel modules, kernel file systems, the audit log, the kernel command line.
disable_unit getty@tty1.service fstrim.timer
mask_unit systemd-modules-load.service modprobe@.service sys-kernel-config.mount sys-kernel-debug.mount \
  systemd-journald-audit.socket systemd-network-generator.service

if $OPT_NTP_ENABLE; then warn "chrony fails in most containers: the clock is the host's (ntp.enable)"; fi
