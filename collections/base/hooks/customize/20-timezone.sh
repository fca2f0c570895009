# The time zone, as tzdata would have set it.
[ -n "$OPT_TIMEZONE" ] || exit 0
zone=/usr/share/zoneinfo/$OPT_TIMEZONE
[ -f "$ROOT$zone" ] || die "tzdata of $SUITE has no time zone $OPT_TIMEZONE; those of former times may be in the package tzdata-legacy"
ln -sfnT "$zone" "$ROOT/etc/localtime"
# Up to bookworm tzdata keeps the name here, too, and believes this file more than the link.
if [ -e "$ROOT/etc/timezone" ]; then printf '%s\n' "$OPT_TIMEZONE" | write_file etc/timezone; fi
