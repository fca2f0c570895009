#!/bin/sh
# Podman for tests, with everything of its own below one directory.
#   podman.sh start|stop DIR   its API service; `start` prints the CONTAINER_HOST, starting twice is starting once
#   podman.sh run DIR ARG…     Podman itself, with the same storage
set -eu
action=$1 dir=$2
shift 2

configure() {
  mkdir -p "$dir"
  # Limits within those of a machine without CAP_SYS_RESOURCE, no cgroups and no bridge: less to be had in a test machine.
  cat >"$dir/containers.conf" <<EOF
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
cgroups = "disabled"
netns = "host"
[engine]
runtime = "crun"
cgroup_manager = "cgroupfs"
[engine.runtimes]
crun = ["$dir/crun"]
EOF
  # Builds through the API ask for cgroups all the same, for whose device rules crun raises a limit; and where a container
  # sets one limit of its own, Podman raises another.
  cat >"$dir/crun" <<'EOF'
#!/bin/sh
before= bundle=
for word in "$@"; do
  case $before in --bundle | -b) bundle=$word ;; esac
  case $word in --bundle=*) bundle=${word#*=} ;; esac
  before=$word
done
if [ -n "$bundle" ]; then
  node -e '
    const fs = require("fs"), file = process.argv[1] + "/config.json", config = JSON.parse(fs.readFileSync(file));
    delete config.linux.resources;
    delete config.linux.cgroupsPath;
    config.process.rlimits = config.process.rlimits?.filter(({ type }) => type === "RLIMIT_NOFILE");
    for (const [set, names] of Object.entries(config.process.capabilities ?? {}))
      config.process.capabilities[set] = names.filter((name) => name !== "CAP_SYS_RESOURCE");
    fs.writeFileSync(file, JSON.stringify(config));
  ' "$bundle"
fi
exec /usr/bin/crun --cgroup-manager=disabled "$@"
EOF
  chmod 755 "$dir/crun"
}

# crun wants a pure cgroup2; a machine with both versions gets one in a private mount namespace.
run() {
  configure
  export CONTAINERS_CONF="$dir/containers.conf"
  # Podman 4.3 by itself copies whole layers for others than root.
  [ "$(id -u)" = 0 ] || set -- --storage-driver overlay "$@"
  set -- /usr/bin/podman --root "$dir/storage" --runroot "$dir/run" "$@"
  if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then exec "$@"; fi
  exec unshare -m sh -c 'umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && exec "$@"' sh "$@"
}

running() { [ -s "$dir/pid" ] && kill -0 "$(cat "$dir/pid")" 2>/dev/null && [ -S "$dir/podman.sock" ]; }

start() {
  running && return
  configure
  setsid "$0" run "$dir" system service --time=0 "unix://$dir/podman.sock" >"$dir/log" 2>&1 </dev/null &
  echo $! >"$dir/pid"
  n=0
  until running; do
    n=$((n + 1))
    if [ $n -gt 300 ]; then
      tail -n 20 "$dir/log" >&2
      exit 1
    fi
    sleep 0.1
  done
}

case $action in
  run) run "$@" ;;
  start)
    start
    echo "unix://$dir/podman.sock"
    ;;
  stop)
    if [ -s "$dir/pid" ]; then kill "$(cat "$dir/pid")" 2>/dev/null || :; fi
    rm -f "$dir/pid" "$dir/podman.sock"
    ;;
  *)
    echo "usage: podman.sh start|stop|run DIR …" >&2
    exit 2
    ;;
esac
