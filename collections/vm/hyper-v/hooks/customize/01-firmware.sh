# Machines of generation 2 have no BIOS, and what this image is made for is one of those.
[ "$DISK_FIRMWARE" != bios ] || die "Hyper-V's machines of generation 2 start by UEFI only: set disk.firmware to uefi or both"
