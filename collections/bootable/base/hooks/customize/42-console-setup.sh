# The first boot would make the keyboard's map and the console's settings again, and not always well: it takes seconds, in which
# systemd-tmpfiles empties /tmp with the map in it, and console-setup.service fails. console-setup.sh does so unless what
# is kept in /etc/console-setup is newer than the configuration, and in an image nothing is newer than anything else.
[ -x "$ROOT/usr/bin/setupcon" ] || [ -x "$ROOT/bin/setupcon" ] || exit 0
once 'etc/console-setup/cached_*' \
  'etc/default etc/console-setup usr/share/consolefonts usr/share/consoletrans usr/share/keymaps usr/share/X11' '' \
  in_target setupcon --save-only
[ -s "$ROOT/etc/console-setup/cached_setup_terminal.sh" ] || die "setupcon has kept nothing for the first boot"
for file in keyboard console-setup; do
  touch --date="@$((SOURCE_DATE_EPOCH - 1))" "$ROOT/etc/default/$file"
done
