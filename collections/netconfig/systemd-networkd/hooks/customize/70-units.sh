# systemd-networkd, when it has something to do.
if ! $OPT_NETWORK_ENABLE && ! $OPT_SINKHOLE_ENABLE; then exit 0; fi
enable_unit systemd-networkd
# Whoever waits for the network waits for one interface that works, and not two minutes for another one without a cable.
program=/lib/systemd/systemd-networkd-wait-online
write_file etc/systemd/system/systemd-networkd-wait-online.service.d/any.conf <<END
# Written by imgbuild.
[Service]
ExecStart=
ExecStart=$program --any --timeout=60
END
[ -x "$ROOT$program" ] || die "the image has no $program"
