# The first boot's own part of the initramfs: a second archive, which GRUB loads after the ordinary one and only as long as
# firstboot.cfg says so. The ordinary initramfs knows nothing of it, and nothing has to be built again when it goes.
renew=$OPT_FIRSTBOOT_RENEW
grow=$OPT_FIRSTBOOT_GROW
if ! $renew && ! $grow; then
  remove usr/lib/imgbuild/firstboot
  rmdir "$ROOT/usr/lib/imgbuild"
  exit 0
fi

case $DISK_GRUB_MODULES in
  part_msdos*)
    # Its table has no identities, and the ways to find what has got another one are for GPT.
    renew=false
    ;;
esac

# What is renewed is what fstab names by UUID.
identities=$(awk '!/^#/ && $1 ~ /^UUID=/ && !seen[$1]++ { print $3 ":" substr($1, 6) }' "$ROOT/etc/fstab" | xargs)
directory=run/imgbuild-firstboot
make_dir "$directory/scripts"
make_dir "$directory/conf"
# shellcheck disable=SC2153 # DISK_… come from the runner
printf 'RENEW=%s\nGROW=%s\nROOT_ID=%s\nOUTER=%s\nIDENTITIES="%s"\n' "$renew" "$grow" "$DISK_ROOT_ID" "$DISK_ROOT_OUTER" "$identities" |
  write_file "$directory/conf/imgbuild-firstboot"
write_file "$directory/scripts/imgbuild" <"$FILES/initramfs/boot-script"
write_file "$directory/scripts/imgbuild-common" <"$FILES/initramfs/common.sh"
programs=/sbin/sfdisk
if [ -n "$DISK_ROOT_LAYERS" ]; then
  write_file "$directory/scripts/imgbuild-enlarge" 0755 <"$FILES/initramfs/enlarge"
  programs="$programs /usr/bin/partx"
  identities=
else
  write_file "$directory/scripts/imgbuild-renew" 0755 <"$FILES/initramfs/renew"
  write_file "$directory/scripts/imgbuild-settle" 0755 <"$FILES/initramfs/settle"
fi

# program_of TYPE: what renews such a file system.
program_of() {
  case $1 in
    ext4) echo /sbin/tune2fs /sbin/fsck.ext4 ;;
    btrfs) echo /bin/btrfstune ;;
    vfat) echo /sbin/fatlabel ;;
    swap) echo /sbin/swaplabel ;;
    *) ;;
  esac
}
for identity in $identities; do programs="$programs $(program_of "${identity%%:*}")"; done

# shellcheck disable=SC2086,SC2016 # a list of programs; the image's shell expands the rest
in_target sh -euc '
  DESTDIR=$1 verbose=n
  export DESTDIR verbose
  shift
  . /usr/share/initramfs-tools/hook-functions
  for program in $(printf "%s\n" "$@" | sort -u); do
    [ -x "$program" ] || { echo "error: the image has no $program, which its first boot needs" >&2; exit 1; }
    copy_exec "$program"
  done
' sh "/$directory" $programs

# The ordinary initramfs has /bin, /sbin and /lib as links into /usr, and the kernel would put directories in their place.
for name in bin sbin lib lib64; do
  if [ -d "$ROOT/$directory/$name" ]; then
    mkdir -p "$ROOT/$directory/usr/$name"
    cp -a "$ROOT/$directory/$name/." "$ROOT/$directory/usr/$name/"
    rm -r "${ROOT:?}/$directory/$name"
  fi
done

# Libraries that are there already need no second copy.
# Listed by bootable/base when it has made the initramfs.
newest=$(find "$SCRATCH" -maxdepth 1 -name 'initrd-*' | sort -V | tail -n 1)
[ -n "$newest" ] || die "the image has no initramfs for its first boot"
sort "$newest" >"$SCRATCH/ordinary"
(cd "$ROOT/$directory" && find . -mindepth 1 -printf '%P\n' | sort) | comm -23 - "$SCRATCH/ordinary" >"$SCRATCH/own"
find "$ROOT/$directory" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
# shellcheck disable=SC2016 # the image's shell expands it
in_target sh -euc 'cd "$1" && cpio --quiet --reproducible --create --format=newc --owner=0:0' sh "/$directory" \
  <"$SCRATCH/own" | zstd -q -3 | write_file boot/imgbuild-firstboot.img 0600
rm -r "${ROOT:?}/$directory"

subvolume=${DISK_ROOT_FLAGS#subvol=}
write_file boot/grub/firstboot.cfg <<END
# Written by imgbuild for the first boot, which removes it. The root file system is asked for its UUID, because the
# first boot changes that: this is right before and after, whenever the power fails.
if [ -e "(\$root)$DISK_BOOT_PREFIX/imgbuild-firstboot.img" ]; then
  set first="boot=imgbuild gpt"
  set more="$DISK_BOOT_PREFIX/imgbuild-firstboot.img"
  regexp --set=1:d '^([^,]+),[a-z]+' "\$root"
  for n in gpt1 gpt2 gpt3 gpt4 gpt5 gpt6; do
    if [ -e "(\$d,\$n)${subvolume:+/$subvolume}/etc/fstab" ]; then
      if probe --set=id --fs-uuid "(\$d,\$n)"; then set source="UUID=\$id"; fi
    fi
  done
fi
END
# Nothing has another UUID after it, then.
if [ -n "$DISK_ROOT_LAYERS" ] || ! $renew; then sed -i '/^  regexp/,/^  done/d' "$ROOT/boot/grub/firstboot.cfg"; fi

write_file etc/systemd/system/imgbuild-firstboot.service <<END
# Written by imgbuild; removes itself.
[Unit]
Description=The rest of the first boot of this machine
DefaultDependencies=no
# Also the EFI partition must be there: without it the first boot is not over.
Requires=local-fs.target
After=local-fs.target
Before=multi-user.target shutdown.target
Conflicts=shutdown.target
ConditionPathExists=/usr/lib/imgbuild/firstboot

[Service]
Type=oneshot
Environment=GROW=$grow SHARE=$OPT_FIRSTBOOT_ROOT_SHARE BYTES=$DISK_ROOT_BYTES "LAYERS=$DISK_ROOT_LAYERS"
ExecStart=/usr/lib/imgbuild/firstboot
TimeoutStartSec=10min

[Install]
WantedBy=multi-user.target
END
enable_unit imgbuild-firstboot.service
