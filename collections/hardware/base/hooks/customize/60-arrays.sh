# The command that adds disks to the arrays is for machines with arrays.
case " $DISK_ROOT_LAYERS $DISK_GRUB_MODULES " in
  *' raid1 '* | *' mdraid1x '*) ;;
  *) remove usr/local/sbin/raid-add-disk ;;
esac
