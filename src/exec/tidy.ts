import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Archive } from './archive.js';
import type { Context } from './context.js';
import { isolated } from './namespace.js';
import { output, run } from './run.js';
import type { Inventory } from './stages.js';

/**
 * Gives a bootstrapped tree the archive's real sources, and takes out what mmdebstrap copied from the machine it ran on:
 * /etc/hostname and /etc/resolv.conf (mmdebstrap 1.5, for the sake of programs in its chroot).
 */
export function settleSources(root: string, archive: Archive): void {
  for (const name of ['etc/hostname', 'etc/resolv.conf']) rmSync(join(root, name), { force: true });
  for (const source of archive.sources) {
    writeInside(root, `etc/apt/${source.path}`, source.text);
    if (source.key !== undefined) writeInside(root, `etc/apt/${source.key.path}`, source.key.data);
  }
}

/** Writes below /etc/apt, where a tree that we just made has no links. */
function writeInside(root: string, path: string, text: string): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  if (existsSync(file) && lstatSync(file).isSymbolicLink()) throw new Error(`${path} is a link`);
  writeFileSync(file, text, { mode: 0o644 });
}

/**
 * Times that a build made become the epoch, so that a tree is the same whether its stage ran or came from the cache. That of
 * dev always does: mmdebstrap makes nodes in it where it may and binds them where it may not, which leaves different times.
 */
export async function clampTimes(context: Context, root: string, epoch: number): Promise<void> {
  await run(
    [
      'bash',
      '--norc',
      '-euo',
      'pipefail',
      '-c',
      'find "$1" -xdev -newermt "@$2" -print0 | xargs -0r touch --no-dereference --date="@$2" -- "$1/dev"',
      'clamp',
      root,
      String(epoch),
    ],
    { doing: 'setting times', signal: context.signal, onLine: context.log },
  );
}

/**
 * What the image must not have, whoever made it: identities, the build's logs, lists and backups of files that maintainer
 * scripts edited. Runs with the target's own tools inside it, so that no link of the target leads out.
 *
 * - The last password change is a day in /etc/shadow; passwd writes today's.
 * - The machine id is empty, not absent: systemd then makes one at boot without taking the boot for the first
 *   (machine-id(5)), which would enable every unit's preset again.
 */
const TIDY = `
cd /
rm -rf var/lib/apt/lists/* var/cache/apt/*.bin var/cache/apt/archives/*.deb var/cache/apt/archives/partial/* \
  var/cache/ldconfig/aux-cache var/lib/dpkg/*-old var/cache/debconf/*-old \
  var/log/alternatives.log var/log/bootstrap.log var/log/dpkg.log var/log/apt/* var/log/journal/* \
  var/lib/systemd/random-seed var/lib/urandom/random-seed \
  etc/passwd- etc/group- etc/shadow- etc/gshadow- etc/subuid- etc/subgid- etc/.pwd.lock \
  etc/ssh/ssh_host_*_key etc/ssh/ssh_host_*_key.pub \
  root/.bash_history root/.wget-hsts root/.lesshst \
  etc/apt/apt.conf.d/99mmdebstrap etc/dpkg/dpkg.cfg.d/99mmdebstrap
for directory in run tmp var/tmp; do
  [ -d "$directory" ] || continue
  find "$directory" -xdev -mindepth 1 -delete
done
mkdir -p -m 0755 run
rm -f etc/machine-id
: > etc/machine-id
chmod 0444 etc/machine-id
if [ -f etc/shadow ]; then
  awk -F: -v OFS=: -v day=$(($1 / 86400)) '$3 > day { $3 = day } { print }' etc/shadow > run/shadow
  cat run/shadow > etc/shadow
  rm run/shadow
fi
`;

export async function tidy(context: Context, root: string, epoch: number): Promise<void> {
  const script = 'exec chroot "$1" /bin/sh -euc "$3" tidy "$2"';
  await run(isolated(script, [root, String(epoch), TIDY], context.emulate), {
    doing: 'tidying',
    signal: context.signal,
    onLine: context.log,
  });
}

/** What dpkg's database says is installed, in the order of the names. */
export async function takeInventory(context: Context, root: string): Promise<Inventory> {
  const format = '${Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\t${source:Version}\\n';
  const text = await output(
    ['dpkg-query', `--admindir=${join(root, 'var/lib/dpkg')}`, '--show', `--showformat=${format}`],
    {
      doing: 'listing packages',
      signal: context.signal,
      onLine: context.log,
    },
  );
  const packages = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', version = '', architecture = '', source = '', sourceVersion = ''] = line.split('\t');
      return { name, version, architecture, source, sourceVersion };
    })
    .sort((a, b) => (`${a.name}:${a.architecture}` < `${b.name}:${b.architecture}` ? -1 : 1));
  const version = join(root, 'etc/debian_version');
  return { debianVersion: existsSync(version) ? readFileSync(version, 'utf8').trim() : '', packages };
}
