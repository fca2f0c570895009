# The list of tasks becomes the message of the day; the commands keep it up to date.
if ! $OPT_FIRSTBOOT_MOTD; then
  rm -rf "$ROOT/etc/firstboot-motd.d"
  exit 0
fi
[ ! -e "$ROOT/etc/motd" ] || cp -p "$ROOT/etc/motd" "$ROOT/etc/motd.dist"
# A name that somebody gave is no task.
[ "$OPT_HOSTNAME" = staging ] || remove etc/firstboot-motd.d/20-hostname.motd
cat "$ROOT"/etc/firstboot-motd.d/*.motd | write_file etc/motd
