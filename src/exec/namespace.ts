/**
 * Everything that mounts happens in namespaces of its own, made for one command and gone with it: whatever kills the
 * command, the kernel takes the mounts away. The host name inside is a constant, so that no image learns where it was made.
 */
const ENTER = [
  'unshare',
  '--mount',
  '--propagation=private',
  '--uts',
  '--ipc',
  '--pid',
  '--fork',
  '--kill-child=SIGKILL',
  '--',
] as const;

/** Prelude of every script that runs inside: `$1` is the target's root directory. */
const PRELUDE = `
hostname localhost
`;

/**
 * What a program expects of a running system, below "$1". Nodes are bound from outside, for a user namespace may not make
 * them; sysfs is refused to a user namespace without a network namespace of its own, and nothing in a chroot needs it.
 */
const MOUNTS = `
mount -t proc -o nosuid,nodev,noexec proc "$1/proc"
# A script that sets kernel parameters means those of the machine that the image will run on, not of this one.
for path in sys sysrq-trigger; do
  # A kernel may be without the second.
  [ -e "$1/proc/$path" ] || continue
  mount --bind "$1/proc/$path" "$1/proc/$path"
  mount -o remount,bind,ro,nosuid,nodev,noexec "$1/proc/$path"
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$1/sys" 2>/dev/null || mount --rbind /sys "$1/sys" 2>/dev/null || true
mount -t tmpfs -o nosuid,mode=0755 dev "$1/dev"
for node in null zero full random urandom tty; do
  : > "$1/dev/$node"
  mount --bind "/dev/$node" "$1/dev/$node"
done
mkdir "$1/dev/pts" "$1/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$1/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 shm "$1/dev/shm"
ln -s pts/ptmx "$1/dev/ptmx"
ln -s /proc/self/fd "$1/dev/fd"
ln -s /proc/self/fd/0 "$1/dev/stdin"
ln -s /proc/self/fd/1 "$1/dev/stdout"
ln -s /proc/self/fd/2 "$1/dev/stderr"
mount -t tmpfs -o nosuid,nodev,mode=0755 run "$1/run"
mkdir -m 1777 "$1/run/lock"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmp "$1/tmp"
`;

/** A command line that runs a bash script in namespaces of its own. The script sees `args` as $1, $2 … */
export function isolated(script: string, args: readonly string[]): string[] {
  return [...ENTER, 'bash', '--norc', '-euo', 'pipefail', '-c', `${PRELUDE}${script}`, 'imgbuild', ...args];
}

/** As `isolated`, with the target's proc, sys, dev, run and tmp mounted; `args[0]` is its root directory. */
export function isolatedTarget(script: string, args: readonly string[]): string[] {
  return isolated(`${MOUNTS}${script}`, args);
}
