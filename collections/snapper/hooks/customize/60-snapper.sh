# snapper's configuration for the root file system. `snapper create-config` would make a subvolume on the running machine;
# here the disk has @snapshots already, and fstab mounts it at /.snapshots.
if [ "$DISK_SNAPPER" != true ]; then
  remove usr/local/sbin/restore-root
  exit 0
fi
template=$ROOT/usr/share/snapper/config-templates/default
[ -s "$template" ] || template=$ROOT/etc/snapper/config-templates/default
[ -s "$template" ] || die 'the image has no template of snapper'

timeline=no
if $OPT_SNAPPER_TIMELINE; then timeline=yes; fi
sed -E -e 's#^SUBVOLUME=.*#SUBVOLUME="/"#' -e 's#^FSTYPE=.*#FSTYPE="btrfs"#' \
  -e "s#^TIMELINE_CREATE=.*#TIMELINE_CREATE=\"$timeline\"#" \
  -e "s#^NUMBER_LIMIT=.*#NUMBER_LIMIT=\"$OPT_SNAPPER_NUMBER\"#" \
  -e "s#^NUMBER_LIMIT_IMPORTANT=.*#NUMBER_LIMIT_IMPORTANT=\"$OPT_SNAPPER_NUMBER\"#" \
  "$template" | write_file etc/snapper/configs/root 0640
sed -i 's#^SNAPPER_CONFIGS=.*#SNAPPER_CONFIGS="root"#' "$ROOT/etc/default/snapper"
grep -q '^SNAPPER_CONFIGS="root"$' "$ROOT/etc/default/snapper" || die '/etc/default/snapper names no configurations'
make_dir .snapshots 0700

if $OPT_SNAPPER_TIMELINE; then enable_unit snapper-timeline.timer; else disable_unit snapper-timeline.timer; fi
enable_unit snapper-cleanup.timer
# A snapshot at each boot tells nothing: the packages' own are there.
if unit_exists snapper-boot.timer; then disable_unit snapper-boot.timer; fi
