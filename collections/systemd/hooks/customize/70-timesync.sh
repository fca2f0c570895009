# Two programs must not set one clock.
if $OPT_NTP_ENABLE; then mask_unit_ahead systemd-timesyncd.service; fi
