#!/bin/sh
# rootless.sh USER HOME COMMAND…: as root, runs a command as an ordinary user who can make containers: with a directory for
# sockets and a control group of its own, as a session of systemd would give them. Control groups are pure version 2.
set -eu
# shellcheck disable=SC2016 # the inner shell expands
exec unshare --mount sh -euc '
user=$1 home=$2
shift 2
if [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
  umount -R /sys/fs/cgroup
  mount -t cgroup2 none /sys/fs/cgroup
fi
group=/sys/fs/cgroup/imgbuild-rootless-$$
mkdir "$group"
echo $$ >"$group/cgroup.procs"
chown -R "$user" "$group"
install -d -m 700 -o "$user" "$home/run"
status=0
cd "$home"
runuser -u "$user" -- env "HOME=$home" "XDG_RUNTIME_DIR=$home/run" "$@" || status=$?
echo $$ >/sys/fs/cgroup/cgroup.procs
# Podman leaves a process that holds its namespaces; the user cannot be removed before.
echo 1 >"$group/cgroup.kill"
n=0
until rmdir "$group" 2>/dev/null || [ $n -gt 100 ]; do
  n=$((n + 1))
  sleep 0.1
done
exit $status' rootless.sh "$@"
