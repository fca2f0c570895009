# The keyboard, as keyboard-configuration reads it when it is (re)configured.
[ -n "$OPT_KEYBOARD_LAYOUT" ] || exit 0
options=$(printf '%s\n' "$OPT_KEYBOARD_OPTIONS" | paste -sd, -)
write_file etc/default/keyboard <<END
XKBMODEL="$OPT_KEYBOARD_MODEL"
XKBLAYOUT="$OPT_KEYBOARD_LAYOUT"
XKBVARIANT="$OPT_KEYBOARD_VARIANT"
XKBOPTIONS="$options"

BACKSPACE="guess"
END
