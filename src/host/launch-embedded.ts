import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { eachLine } from './bootstrap.js';
import { USER_NAMESPACE } from './embedded.js';
import type { Builder } from './image.js';
import { INSIDE } from './mounts.js';
import { CAPABILITIES } from './privileges.js';
import type { Host } from './program.js';
import { GRACE_MS, type Session } from './session.js';
import { hostEnvironment } from './which.js';

type RootBuilder = Extract<Builder, { kind: 'root' }>;

/**
 * Builds the builder's world in namespaces that `unshare` has just made, and becomes the program.
 *
 * Arguments: root, size of the tmpfs at /work or '', capabilities, a further option of setpriv or '', mounts
 * as `source target ro|rw` each, `--`, command.
 */
const ENTER = `set -eu
root=$1 size=$2 caps=$3 privs=$4; shift 4
fail() { echo "imgbuild: the embedded builder cannot be entered: $*" >&2; exit 3; }
umask 022
# A remount that clears a flag which the outer namespace has set is refused to a user namespace.
read_only() {
  flags=bind,remount,ro
  for flag in $(findmnt -n -o VFS-OPTIONS --target "$1" | tail -n 1 | tr , ' '); do
    case $flag in nosuid|nodev|noexec) flags=$flags,$flag ;; esac
  done
  mount -o "$flags" "$1"
}
# Recursive: a user namespace may not bind a tree without the mounts below it, which could hide something.
mount --rbind "$root" "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc" || fail 'no private proc'
# A new sysfs belongs to a network namespace; with that of the machine, a user namespace has to take what is there.
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys" 2>/dev/null || mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755,nosuid tmpfs "$root/dev"
for node in null zero full random urandom tty; do
  : > "$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,nosuid,noexec,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
for dir in tmp var/tmp; do mount -t tmpfs -o mode=1777 tmpfs "$root/$dir"; done
for dir in run src; do mount -t tmpfs -o mode=755 tmpfs "$root/$dir"; done
[ -z "$size" ] || mount -t tmpfs -o "mode=755,size=$size" tmpfs "$root${INSIDE.work}"
for file in resolv.conf hosts; do
  [ -e "/etc/$file" ] || continue
  [ -e "$root/etc/$file" ] || : > "$root/etc/$file"
  mount --bind "/etc/$file" "$root/etc/$file"
  read_only "$root/etc/$file"
done
while [ "$1" != -- ]; do
  if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$(dirname "$root$2")"; : >> "$root$2"; fi
  mount --rbind "$1" "$root$2" || fail "cannot mount $1"
  [ "$3" != ro ] || read_only "$root$2"
  shift 3
done
shift
read_only "$root"
cd "$root"
# Not chroot: a process whose root is not that of its namespace may not make user namespaces.
pivot_root . mnt
cd /
umount -l /mnt
hostname imgbuild
exec setpriv --bounding-set="$caps" --inh-caps=-all $privs "$@"`;

/** Runs a session in the embedded builder; the kernel ends it with this process. */
export async function runEmbedded(host: Host, builder: RootBuilder, session: Session): Promise<number> {
  const devices = (session.devices ?? []).map((device) => ({ source: device, target: device, readonly: false }));
  const mounts = [...session.mounts, ...devices].flatMap(({ source, target, readonly }) => [
    source,
    target,
    readonly ? 'ro' : 'rw',
  ]);
  const size = session.workBytes === undefined ? '' : String(session.workBytes);
  const argv = [
    // When this process dies, unshare dies; when unshare dies, the whole pid namespace does.
    ...['setpriv', '--pdeathsig', 'KILL', 'unshare', '--kill-child=KILL'],
    ...(builder.asRoot ? [] : USER_NAMESPACE),
    ...['--mount', '--pid', '--uts', '--ipc', '--fork', '--'],
    ...[
      'sh',
      '-c',
      ENTER,
      'imgbuild',
      builder.root,
      size,
      boundingSet(session),
      noNewPrivileges(session),
      ...mounts,
      '--',
    ],
    ...['env', '-i', ...environment(session), ...session.argv],
  ];
  const [file = '', ...args] = argv;
  const interactive = session.terminal === true;
  const child = spawn(file, args, {
    cwd: '/',
    env: hostEnvironment(host.env),
    stdio: interactive ? 'inherit' : 'pipe',
    // Its own process group, or Ctrl-C would hit the tools in it before the builder can unwind. A shell needs ours.
    detached: !interactive,
  });
  if (session.stream !== undefined) child.stdout?.pipe(session.stream.output, { end: false });
  else if (child.stdout !== null) eachLine(child.stdout, session.onOutput);
  if (child.stderr !== null) eachLine(child.stderr, session.onError);
  // The builder may end before it has read everything.
  child.stdin?.on('error', () => undefined);
  if (session.stream !== undefined && child.stdin !== null) session.stream.input.pipe(child.stdin, { end: false });
  else if (session.input === undefined) child.stdin?.end();
  else child.stdin?.write(session.input);

  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.stdin?.end();
    timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
  };
  session.signal?.addEventListener('abort', stop, { once: true });
  try {
    const [code, killed] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    session.signal?.throwIfAborted();
    return code ?? (killed === 'SIGKILL' ? 137 : 143);
  } finally {
    clearTimeout(timer);
    session.signal?.removeEventListener('abort', stop);
  }
}

function noNewPrivileges(session: Session): string {
  return session.privileged === true ? '' : '--no-new-privs';
}

function boundingSet(session: Session): string {
  if (session.privileged === true) return '+all';
  return ['-all', ...Object.keys(CAPABILITIES).map((name) => `+${name.toLowerCase()}`)].join(',');
}

/** Whatever listens here listens on this machine: for this machine alone. */
const LISTEN = { IMGBUILD_LISTEN: '127.0.0.1' };

function environment(session: Session): readonly string[] {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const env = { PATH: path, HOME: '/root', TERM: process.env['TERM'] ?? 'dumb', ...LISTEN, ...session.env };
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}
