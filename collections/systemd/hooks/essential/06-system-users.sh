# Packages would take whatever id is free when they are installed. Giving them their users beforehand makes the ids the
# same in all images and suites, so that files can be moved between machines and containers.
add_group systemd-journal 102

# system_user NAME ID HOME COMMENT
system_user() {
  add_group "$1" "$2"
  add_user "$1" "$2" "$2" "$3" /usr/sbin/nologin "$4"
}
system_user messagebus 101 /nonexistent 'System Message Bus'
system_user systemd-network 103 /run/systemd 'systemd Network Management'
system_user systemd-resolve 104 /run/systemd 'systemd Resolver'
system_user systemd-timesync 105 /run/systemd 'systemd Time Synchronization'
system_user systemd-coredump 106 / 'systemd Core Dumper'
