#!/bin/sh
# A Docker Engine for tests, with everything of its own below one directory: dockerd.sh start|stop DIR.
# `start` prints the DOCKER_HOST; starting twice is starting once.
set -eu
action=$1 dir=$2
host=unix://$dir/docker.sock

running() { [ -s "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null; }

# `--privileged` and runc fail where the machine itself does not have CAP_SYS_RESOURCE (bit 24): containers go without.
lacks_sys_resource() {
  bounding=$(sed -n 's/^CapBnd:[[:space:]]*//p' /proc/self/status)
  [ $((0x$bounding >> 24 & 1)) = 0 ]
}

start() {
  running && return
  mkdir -p "$dir"
  set --
  if lacks_sys_resource; then
    cat >"$dir/runtime" <<'EOF'
#!/bin/sh
before=
for word in "$@"; do
  case $before in --bundle | -b) bundle=$word ;; esac
  before=$word
done
[ -z "${bundle:-}" ] || sed -i 's/"CAP_SYS_RESOURCE",//g; s/,"CAP_SYS_RESOURCE"//g' "$bundle/config.json"
exec runc "$@"
EOF
    chmod 755 "$dir/runtime"
    set -- --add-runtime "test=$dir/runtime" --default-runtime test
  fi
  # In its own session: Ctrl-C in the tests is for the tests.
  setsid dockerd --data-root "$dir/data" --exec-root "$dir/exec" -p "$dir/pid" -H "$host" "$@" \
    >"$dir/log" 2>&1 </dev/null &
  n=0
  until docker -H "$host" version >/dev/null 2>&1; do
    n=$((n + 1))
    if [ $n -gt 300 ]; then
      tail -n 20 "$dir/log" >&2
      exit 1
    fi
    sleep 0.1
  done
}

stop() {
  running || return 0
  pid=$(cat "$dir/pid")
  kill "$pid"
  n=0
  while kill -0 "$pid" 2>/dev/null && [ $n -lt 300 ]; do
    n=$((n + 1))
    sleep 0.1
  done
}

case $action in
  start)
    start
    echo "$host"
    ;;
  stop) stop ;;
  *)
    echo "usage: dockerd.sh start|stop DIR" >&2
    exit 2
    ;;
esac
