# The EFI system partition: its content lies at its mountpoint, and goes to the partition when the disk is assembled.
[ "$DISK_FIRMWARE" != bios ] || exit 0
# shellcheck disable=SC2153 # ARCH comes from the runner
case $ARCH in
  amd64) efi=x64 platform=x86_64-efi ;;
  arm64) efi=aa64 platform=arm64-efi ;;
  *) die "bootable/uefi knows no GRUB for $ARCH" ;;
esac
removable=$(printf 'BOOT%s.EFI' "$efi" | tr '[:lower:]' '[:upper:]')

make_dir boot/efi 0700
make_dir boot/efi/EFI
make_dir boot/efi/EFI/BOOT
make_dir boot/efi/EFI/debian

# place SOURCE NAME: into the directory of the fallback path.
place() {
  [ -s "$ROOT$1" ] || die "the image has no $1"
  write_file "boot/efi/EFI/BOOT/$2" 0700 <"$ROOT$1"
}

if $OPT_BOOT_SECURE_BOOT; then
  # The firmware trusts the shim, the shim trusts Debian's GRUB beside it. MokManager is for keys of the owner.
  place "/usr/lib/shim/shim$efi.efi.signed" "$removable"
  place "/usr/lib/grub/$platform-signed/grub$efi.efi.signed" "grub$efi.efi"
  place "/usr/lib/shim/mm$efi.efi.signed" "mm$efi.efi"
  # shim 15.8 of bullseye has no other signature; those of bookworm and trixie have one by the CA of 2023, too.
  if [ "$SUITE" = bullseye ]; then
    warn "Debian 11's shim is signed by Microsoft's CA of 2011 only, which expired in June 2026:" \
      "firmware that has the CA of 2023 alone refuses to start this image with Secure Boot"
  fi
else
  place "/usr/lib/grub/$platform/monolithic/grub$efi.efi" "$removable"
fi

# GRUB reads EFI/debian/grub.cfg, and where the firmware tells it another directory, the one beside itself. The first
# partition on the disk it was started from that has its configuration is the right one, whatever the UUIDs have become, and
# also when a copy of the disk is attached; storage that is no plain partition is found by its UUID.
# One sector long: the first boot replaces the UUID in place by one write, which a power cut cannot tear.
stub=$(
  cat <<END
# Written by imgbuild.
regexp --set=1:d '^([^,]+),[a-z]+' "\$root"
for n in gpt1 gpt2 gpt3 gpt4 gpt5 gpt6; do
if [ -z "\$b" -a -e "(\$d,\$n)$DISK_BOOT_PREFIX/grub/grub.cfg" ]; then set b="\$d,\$n"; fi
done
if [ -n "\$b" ]; then set root="\$b"; else search.fs_uuid $DISK_BOOT_UUID root; fi
set prefix=(\$root)'$DISK_BOOT_PREFIX/grub'
configfile \$prefix/grub.cfg
END
)
for directory in BOOT debian; do
  printf '%-511s\n' "$stub" | write_file "boot/efi/EFI/$directory/grub.cfg" 0600
  size=$(stat -c %s "$ROOT/boot/efi/EFI/$directory/grub.cfg")
  [ "$size" -eq 512 ] || die "GRUB's stub in EFI/$directory has $size bytes instead of one sector"
done
