# Who has containers, and what is started.
if $OPT_PODMAN_ROOTLESS && $OPT_LOGIN_ENABLE; then
  for file in etc/subuid etc/subgid; do
    grep -q "^$OPT_LOGIN_USER:" "$ROOT/$file" 2>/dev/null || append_line "$file" "$OPT_LOGIN_USER:100000:65536"
  done
  # systemd then starts the account's units without anybody logging in.
  write_file "var/lib/systemd/linger/$OPT_LOGIN_USER" </dev/null
fi

# unit WANTED NAME
unit() {
  if "$1"; then
    enable_unit "$2"
  elif unit_exists "$2"; then
    disable_unit "$2"
  fi
}
unit "$OPT_PODMAN_SOCKET" podman.socket
# Podman 3.0 of bullseye has no such unit.
if [ "$SUITE" != bullseye ]; then unit "$OPT_PODMAN_RESTART" podman-restart.service; fi
unit "$OPT_PODMAN_AUTO_UPDATE" podman-auto-update.timer

# Containers of a network of their own ask aardvark-dns for each other's names, at the host's end of their bridge. Podman accepts
# that in a chain of its own, where it does not keep other chains from dropping it.
firewall_rule input 'iifname "podman*" udp dport 53 accept' 'iifname "podman*" tcp dport 53 accept'
