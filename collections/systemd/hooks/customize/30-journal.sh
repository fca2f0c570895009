# With rsyslog the log is on disk already: the journal then stays in memory.
$OPT_RSYSLOG_ENABLE || exit 0
write_file etc/systemd/journald.conf.d/rsyslog.conf <<'END'
[Journal]
Storage=volatile
END
