#!/bin/bash
# Boots a template as an unprivileged system container, as Proxmox VE does (pct: common, userns and nesting configuration,
# ids shifted by 100000), and tells about it. It gets what LXD mounts into it, too.
#
#   boot-template.sh IMAGE proxmox|dhcp PRIVATE-KEY
#
# Output: lines `## NAME` each followed by what was found. Everything is in namespaces of its own and gone at the end: the
# cgroup tree is mounted anew as pure v2, the bridge is in a private network with its own DHCP server and router
# advertisements.
set -euo pipefail
if [ "${1-}" != inside ]; then
  exec unshare --mount --net --uts --pid --fork --kill-child --mount-proc bash "$0" inside "$@"
fi
image=$2 mode=$3 key=$4

work=$(mktemp -d)
mount --make-rprivate /
mount -t tmpfs -o size=3g,mode=755 tmpfs "$work"
echo root:100000:65536 > "$work/subid"
for file in subuid subgid; do
  [ -e /etc/$file ] || : > /etc/$file
  mount --bind "$work/subid" /etc/$file
done
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t sysfs sysfs /sys
mount -t cgroup2 none /sys/fs/cgroup
group=/sys/fs/cgroup/imgbuild-test-$$-$RANDOM
mkdir "$group"
echo $$ > "$group/cgroup.procs"

root=$work/rootfs
mkdir "$root"
chown 100000:100000 "$root"
# As pct unpacks: without device nodes, and with file capabilities.
zstd -dcq "$image" | lxc-usernsexec -m b:0:100000:65536 -- tar -x -p -f - --numeric-owner --xattrs \
  --xattrs-include='user.*' --xattrs-include=security.capability --anchored --exclude='./dev/*' -C "$root"

ip link set lo up
ip link add br0 type bridge
ip addr add 10.77.0.1/24 dev br0
ip -6 addr add fd77::1/64 dev br0 nodad
ip link set br0 up
dnsmasq --no-daemon --port=0 --interface=br0 --bind-interfaces --dhcp-range=10.77.0.100,10.77.0.200,1h \
  --dhcp-range=fd77::100,fd77::200,64,1h --enable-ra --dhcp-option=3,10.77.0.1 --dhcp-leasefile="$work/leases" \
  > "$work/dnsmasq.log" 2>&1 &

put() {
  cat > "$root/$1"
  chown 100000:100000 "$root/$1"
}
for type in ed25519 rsa; do
  ssh-keygen -q -t $type -N '' -f "$root/etc/ssh/ssh_host_${type}_key"
  chown 100000:100000 "$root/etc/ssh/ssh_host_${type}_key"*
done
case $mode in
  proxmox)
    # What PVE::LXC::Setup writes for a bridge with a static address and `ip6=auto`.
    rm -f "$root/etc/machine-id"
    mkdir -p "$root/etc/systemd/system-preset"
    printf 'disable systemd-networkd-wait-online.service\ndisable systemd-networkd.service\n' |
      put etc/systemd/system-preset/00-pve-template.preset
    printf 'nameserver 10.77.0.1\n' | put etc/resolv.conf
    echo ct | put etc/hostname
    printf 'auto eth0\niface eth0 inet static\n\taddress 10.77.0.5/24\n\tgateway 10.77.0.1\n\niface eth0 inet6 auto\n\n' |
      put etc/network/interfaces
    ;;
  dhcp)
    printf 'auto lo\niface lo inet loopback\n\nauto eth0\niface eth0 inet dhcp\n\niface eth0 inet6 dhcp\n\n' |
      put etc/network/interfaces
    ;;
esac

mkdir -p "$work/lxc/ct"
cat > "$work/lxc/ct/config" <<END
lxc.include = /usr/share/lxc/config/common.conf
lxc.include = /usr/share/lxc/config/userns.conf
lxc.include = /usr/share/lxc/config/nesting.conf
lxc.idmap = u 0 100000 65536
lxc.idmap = g 0 100000 65536
lxc.rootfs.path = dir:$root
lxc.uts.name = ct
lxc.mount.entry = tmpfs sys/kernel/debug tmpfs rw,optional 0 0
# As LXD does (driver_lxc.go): the host's handlers of binaries, which only the host may change.
lxc.mount.entry = /proc/sys/fs/binfmt_misc proc/sys/fs/binfmt_misc none rbind,create=dir,optional 0 0
lxc.apparmor.profile = unconfined
lxc.tty.max = 2
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.name = eth0
END

started=$(date +%s%N)
lxc-start -P "$work/lxc" -n ct -F -o "$work/lxc.log" -l INFO -c none > "$work/console" 2>&1 < /dev/null &
pid=
for _ in $(seq 200); do
  pid=$(lxc-info -P "$work/lxc" -n ct -pH 2>/dev/null || true)
  if [ -n "$pid" ] && [ "$pid" -gt 1 ]; then break; fi
  pid=
  sleep 0.02
done
if [ -z "$pid" ]; then
  cat "$work/lxc.log" "$work/console" >&2
  exit 1
fi
in_ct() { nsenter -t "$pid" -m -p -n -u -i -C -U -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
state=
for _ in $(seq 1500); do
  state=$(in_ct systemctl is-system-running 2>/dev/null || true)
  case $state in running | degraded) break ;; esac
  sleep 0.02
done
now=$(date +%s%N)

tell() {
  echo "## $1"
  shift
  "$@" 2>&1 || true
}
tell state echo "$state"
tell milliseconds echo $(((now - started) / 1000000))
tell analyze in_ct systemd-analyze
tell failed in_ct systemctl --failed --no-legend --no-pager --plain
address=
for _ in $(seq 100); do
  address=$(in_ct ip -4 -br addr show eth0 2>/dev/null | awk '{print $3}' | cut -d/ -f1 || true)
  [ -z "$address" ] || break
  sleep 0.1
done
tell address echo "$address"
for _ in $(seq 50); do
  if in_ct ip -6 addr show eth0 scope global 2>/dev/null | grep -q 'inet6 fd77'; then break; fi
  sleep 0.1
done
tell addresses in_ct ip -br addr show eth0
tell routes in_ct ip route
tell enabled in_ct systemctl list-unit-files --no-legend --no-pager --state enabled
tell masked in_ct systemctl list-unit-files --no-legend --no-pager --state masked
tell active in_ct systemctl list-units --no-legend --no-pager --plain --state active
tell sysctl in_ct sysctl net.ipv4.conf.all.accept_redirects net.ipv4.conf.default.rp_filter net.ipv4.tcp_syncookies \
  net.ipv6.conf.all.accept_source_route net.ipv4.conf.all.arp_ignore
tell mounts in_ct findmnt -rn -t tmpfs -o TARGET,OPTIONS
tell machine-id in_ct cat /etc/machine-id
tell errors in_ct journalctl -b --no-pager -p err
for user in cosmo ctrl wanda root; do
  tell "ssh $user" timeout 20 ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR -i "$key" "$user@$address" 'id -un; sudo -n id -un'
done
tell ssh-password timeout 20 ssh -o PreferredAuthentications=password,keyboard-interactive -o BatchMode=yes \
  -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "cosmo@$address" true
printf 'auto eth0\niface eth0 inet static\n\taddress 10.77.0.9\n\tnetmask 255.255.255.0\n\tgateway 10.77.0.1\n' |
  put etc/network/interfaces
for _ in $(seq 50); do
  if in_ct ip -4 -br addr show eth0 | grep -q '10.77.0.9/24'; then break; fi
  sleep 0.1
done
tell rewritten in_ct ip -4 -br addr show eth0
echo '## end'
