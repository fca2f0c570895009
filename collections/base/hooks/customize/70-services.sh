# What starts at boot. Packages enable their services by themselves, unless something else told them not to.
if $OPT_SSHD_ENABLE; then
  enable_unit ssh ssh-host-key
  # The RSA key takes seconds, which nobody waits for where units start beside each other.
  if init_is_systemd; then enable_unit ssh-host-key-rsa; fi
  # One server that always listens: no start by socket beside it.
  if unit_exists ssh.socket; then mask_unit ssh.socket; fi
elif unit_exists ssh; then
  disable_unit ssh
fi

# service WANTED UNIT
service() {
  if "$1"; then
    enable_unit "$2"
  elif unit_exists "$2"; then
    disable_unit "$2"
  fi
}
service "$OPT_CRON_ENABLE" cron
service "$OPT_RSYSLOG_ENABLE" rsyslog
service "$OPT_HAVEGED_ENABLE" haveged
service "$OPT_NTP_ENABLE" chrony
