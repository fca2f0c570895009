import { PROGRAMS } from '../config/architectures.js';

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

/**
 * A user namespace with the ids that there are: since Linux 6.7 each can have handlers for programs that the processor does
 * not know (binfmt_misc), which nothing outside of it sees. The kernel lets it mount a proc only when there is one in sight
 * that nothing covers, and engines cover parts of theirs. It also would give back all capabilities, for what is inside.
 */
const EMULATED = [
  ...['unshare', '--mount', '--propagation=private', '--pid', '--fork', '--kill-child=SIGKILL', '--'],
  ...['bash', '--norc', '-euo', 'pipefail', '-c'],
  `
mount -t proc -o nosuid,nodev,noexec proc /proc
given=$(setpriv --dump | sed -n 's/^Capability bounding set: //p')
set -- setpriv --bounding-set="-all,+\${given//,/,+}" --inh-caps=-all "$@"
exec unshare --user --map-users=all --map-groups=all ${ENTER.slice(1).join(' ')} "$@"
`,
  'imgbuild',
] as const;

/**
 * What makes the builder's QEMU the handler of an architecture's programs: Linux, Documentation/admin-guide/binfmt-misc.rst.
 * What differs between programs of one machine is masked: the ABI's name, and whether one can lie anywhere in memory.
 * The kernel opens QEMU here and now (F), for it is not in the image, and tells it the program's own name (P). The usual
 * place of the file system is there only when the kernel has loaded its module before.
 */
export function handlerLine(name: string, architecture: string): string {
  const program = PROGRAMS[architecture];
  if (program === undefined) throw new Error(`nothing is known of programs for ${architecture}`);
  const bytes = (list: readonly number[]): string => list.map((n) => `\\x${n.toString(16).padStart(2, '0')}`).join('');
  const magic = bytes([
    0x7f,
    0x45,
    0x4c,
    0x46,
    program.class,
    1,
    1,
    ...Array<number>(9).fill(0),
    2,
    0,
    program.machine,
    0,
  ]);
  const mask = bytes([...Array<number>(7).fill(0xff), 0, ...Array<number>(8).fill(0xff), 0xfe, 0xff, 0xff, 0xff]);
  return `:${name}:M::${magic}:${mask}:/usr/bin/qemu-${architecture}:PF`;
}

/** Lines that make it one of this user namespace. */
function handler(architecture: string): string {
  return `
mount -t binfmt_misc binfmt_misc /mnt
printf %s '${handlerLine('imgbuild', architecture)}' > /mnt/register
`;
}

/**
 * A command line that runs a bash script in namespaces of its own. The script sees `args` as $1, $2 …
 *
 * @param emulate architecture whose programs are to run by QEMU in it; see `emulationFor`.
 */
export function isolated(script: string, args: readonly string[], emulate?: string): string[] {
  const [enter, first] = emulate === undefined ? [ENTER, ''] : [EMULATED, handler(emulate)];
  return [...enter, 'bash', '--norc', '-euo', 'pipefail', '-c', `${PRELUDE}${first}${script}`, 'imgbuild', ...args];
}

/** As `isolated`, with the target's proc, sys, dev, run and tmp mounted; `args[0]` is its root directory. */
export function isolatedTarget(script: string, args: readonly string[], emulate?: string): string[] {
  return isolated(`${MOUNTS}${script}`, args, emulate);
}
