# The same settings in the initramfs of images with a kernel: interfaces that come up there, or before systemd-sysctl, have
# them from the start.
if [ -d "$ROOT/etc/initramfs-tools" ]; then
  write_file etc/initramfs-tools/hooks/imgbuild-network-hardening 0755 <"$FILES/hook"
  write_file etc/initramfs-tools/scripts/init-top/imgbuild-network-hardening 0755 <"$FILES/init-top"
fi
