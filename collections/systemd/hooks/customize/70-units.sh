# Two programs must not set one clock.
if $OPT_NTP_ENABLE; then mask_unit_ahead systemd-timesyncd.service; fi

# An image is configured: nobody sits at the console of its first boot to answer questions.
mask_unit_ahead systemd-firstboot.service
