# The kernel log belongs to the host.
$OPT_RSYSLOG_ENABLE || exit 0
sed -i 's/^module(load="imklog"/#&/' "$ROOT/etc/rsyslog.conf"
