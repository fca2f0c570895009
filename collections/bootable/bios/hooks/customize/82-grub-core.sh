# What grub-install leaves in /boot/grub/i386-pc, made by the image's own GRUB, for modules of another version would not
# load. boot.img and core.img go from there to their places on the disk when it is assembled.
[ "$DISK_FIRMWARE" != uefi ] || exit 0
modules=$ROOT/usr/lib/grub/i386-pc
[ -s "$modules/boot.img" ] || die 'the image has no GRUB for a BIOS (grub-pc-bin)'

make_dir boot/grub/i386-pc
in_target sh -c 'cp /usr/lib/grub/i386-pc/*.mod /usr/lib/grub/i386-pc/*.lst /usr/lib/grub/i386-pc/boot.img /boot/grub/i386-pc/'

# The core image runs this before it has GRUB's language, so without `if`. $root is the disk that the BIOS has started: the
# file system on it that has the configuration is the right one, whatever its UUID has become, and also when a copy of the
# disk is attached. What lies in arrays or volumes is on no one disk, and found by its UUID.
case " $DISK_GRUB_MODULES " in
  *' mdraid1x '* | *' lvm '*) search="search.fs_uuid $DISK_BOOT_UUID root" ;;
  *) search="search.file $DISK_BOOT_PREFIX/grub/grub.cfg root \$root," ;;
esac
write_file boot/grub/i386-pc/load.cfg <<END
$search
set prefix=(\$root)$DISK_BOOT_PREFIX/grub
END

# shellcheck disable=SC2086 # a list of names without blanks
in_target grub-mkimage --format=i386-pc --prefix="$DISK_BOOT_PREFIX/grub" --config=/boot/grub/i386-pc/load.cfg \
  --output=/boot/grub/i386-pc/core.img biosdisk $DISK_GRUB_MODULES search_fs_file search_fs_uuid normal configfile
