import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Phase } from '../config/types.js';
import { CommandError } from '../errors.js';
import type { BuildPlan, Step } from '../plan/types.js';
import type { Context } from './context.js';
import type { StoredDeb } from './debs.js';
import { isolated, isolatedTarget } from './namespace.js';
import { quote, watchPhases, writePhase } from './phases.js';
import { settlePython } from './python.js';
import { REPOSITORY_MOUNT, repositoryLine, writeRepository } from './repository.js';
import { run } from './run.js';
import { waitForJobs, writeShims } from './shims.js';

/** Directory that is mounted at REPOSITORY_MOUNT in the target: the repository and the stand-ins for slow tools. */
function prepareMount(context: Context, plan: BuildPlan, debs: readonly StoredDeb[]): string {
  const directory = join(context.work, 'mount');
  mkdirSync(directory, { recursive: true });
  writeRepository(directory, plan.suite, plan.architecture, debs);
  writeShims(join(directory, 'bin'), context.settings.plain);
  return directory;
}

/** Shows the prepared directory and the package store in the target, read-only: a cleanup that goes astray ruins nothing. */
function bindMount(context: Context, directory: string, root: string): string {
  const target = `${root}${REPOSITORY_MOUNT}`;
  const store = join(context.settings.cacheDir, 'debs');
  return `
mkdir -p "${target}"
mount --bind ${quote(directory)} "${target}"
mount --bind ${quote(store)} "${target}/pool"
mount -o remount,bind,ro "${target}/pool"
mount -o remount,bind,ro "${target}"
`;
}

function unmount(root: string): string {
  const target = `${root}${REPOSITORY_MOUNT}`;
  return `umount "${target}/pool" "${target}"\nrmdir "${target}"\n`;
}

const TARGET_PATH = `${REPOSITORY_MOUNT}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`;

/** apt's and dpkg's settings while packages are installed, by their files in the target; gone afterwards. */
const SETTINGS: Readonly<Record<string, string>> = {
  'etc/apt/apt.conf.d/99imgbuild-build': `DPkg::Path "${TARGET_PATH}";
Dpkg::Use-Pty "false";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages { "none"; };
`,
  // Not by apt's DPkg::Options, which mmdebstrap (1.5) has taken for itself. Configuration files that a collection laid
  // down win over the package's; a power cut need not be survived.
  'etc/dpkg/dpkg.cfg.d/99imgbuild-build': `force-confdef
force-confold
force-unsafe-io
`,
};

/** Shell lines that put the settings into the target `$ROOT`, and that take them out. */
function settingLines(context: Context): { put: string; take: string } {
  const directory = join(context.work, 'settings');
  mkdirSync(directory, { recursive: true });
  const files = Object.entries(SETTINGS).map(([path, text], index) => {
    const source = join(directory, String(index));
    writeFileSync(source, text);
    return { path, source };
  });
  return {
    put: files.map(({ path, source }) => `install -D -m 0644 ${quote(source)} "$ROOT/${path}"\n`).join(''),
    take: files.map(({ path }) => `rm -f "$ROOT/${path}"\n`).join(''),
  };
}

/**
 * Stage `base`: mmdebstrap makes the suite with the shared packages from the local repository.
 *
 * Phases setup, extract and essential run as its hooks. Its own cleanup at the end removes apt's lists and caches.
 */
export async function bootstrap(
  context: Context,
  plan: BuildPlan,
  root: string,
  debs: readonly StoredDeb[],
  epoch: number,
): Promise<void> {
  const steps = plan.stages.find((stage) => stage.name === 'base')?.steps ?? [];
  const packages = steps.flatMap((step) => (step.kind === 'bootstrap' ? step.packages : []));
  const directory = prepareMount(context, plan, debs);
  const settings = settingLines(context);
  const setup = join(context.work, 'bootstrap-setup.sh');
  writeFileSync(setup, `set -eu\nROOT=$1\n${bindMount(context, directory, '$ROOT')}${settings.put}`);
  const finish = join(context.work, 'bootstrap-finish.sh');
  writeFileSync(
    finish,
    `set -eu\nROOT=$1\n${waitForJobs('$ROOT')}${settlePython('$ROOT')}${unmount('$ROOT')}${settings.take}`,
  );
  const counts = new Map<Phase, number>();
  const phaseHooks = steps
    .filter((step): step is Extract<Step, { kind: 'phase' }> => step.kind === 'phase')
    .map((step) => {
      const script = writePhase(context, step, epoch, plan.apt.mergedUsr);
      counts.set(step.phase, script.count);
      return `--${step.phase}-hook=bash ${script.path} "$1"`;
    });
  const argv = [
    'mmdebstrap',
    '--mode=root',
    // With its progress bar mmdebstrap would swallow what apt and dpkg say.
    '--verbose',
    `--variant=${plan.apt.variant}`,
    `--components=${plan.apt.components.join(',')}`,
    `--architectures=${plan.architecture}`,
    '--format=directory',
    // Its check finds our own mount and the host's qemu; unlinking what the repository holds is not its business.
    '--skip=check/empty,essential/unlink,download/empty',
    ...layoutArguments(plan),
    `--setup-hook=bash ${setup} "$1"`,
    ...phaseHooks,
    `--customize-hook=bash ${finish} "$1"`,
    ...(packages.length === 0 ? [] : [`--include=${packages.map(withoutRelease).join(' ')}`]),
    plan.suite,
    root,
    repositoryLine(REPOSITORY_MOUNT),
  ];
  // mmdebstrap reads the repository from outside of the target, too, under the same name.
  const outside = `${bindMount(context, directory, '')}exec "$@"`;
  const watch = watchPhases(context, 'base', counts);
  await runInstaller(context, isolated(outside, argv, context.emulate), `bootstrapping ${plan.suite}`, epoch, watch);
}

/**
 * How /bin, /sbin and /lib come to be. The links of the merged layout are there before anything is extracted, as debootstrap
 * has it: mmdebstrap's hooks would move what was extracted (0.3 s). They also install usr-is-merged, which bullseye does
 * not have; unmerged is what bullseye is by itself.
 */
function layoutArguments(plan: BuildPlan): string[] {
  const { mergedUsr } = plan.apt;
  const bullseye = plan.suite === 'bullseye';
  const multilib = plan.architecture !== 'amd64' ? [] : bullseye ? ['lib32', 'lib64', 'libx32'] : ['lib64'];
  const names = ['bin', 'sbin', 'lib', ...multilib];
  const links = `--setup-hook=for d in ${names.join(' ')}; do mkdir -p "$1/usr/$d" && ln -s "usr/$d" "$1/$d"; done`;
  const hooks = `--hook-dir=/usr/share/mmdebstrap/hooks/${mergedUsr ? 'merged-usr' : 'no-merged-usr'}`;
  return [...(mergedUsr ? [links] : []), ...(bullseye ? [] : [hooks])];
}

/** `name/release` has been decided when the archive was asked, and the local repository has one release. */
function withoutRelease(name: string): string {
  return name.replace(/\/.*$/, '');
}

/** Stage `packages`: apt in the target adds the rest. */
export async function install(
  context: Context,
  plan: BuildPlan,
  root: string,
  packages: readonly string[],
  debs: readonly StoredDeb[],
  epoch: number,
): Promise<void> {
  if (packages.length === 0) return;
  const directory = prepareMount(context, plan, debs);
  writeFileSync(
    join(directory, 'apt.conf'),
    `Dir::Etc::sourcelist "${REPOSITORY_MOUNT}/sources.list";
Dir::Etc::sourceparts "-";
Dir::State::lists "/run/imgbuild-lists";
Dir::Cache "/run/imgbuild-cache";
${context.settings.plain ? '' : `Dir::Bin::dpkg "${REPOSITORY_MOUNT}/bin/dpkg";\n`}`,
  );
  writeFileSync(join(directory, 'sources.list'), `${repositoryLine(REPOSITORY_MOUNT)}\n`);
  const settings = settingLines(context);
  const script = `
ROOT=$1
shift
${bindMount(context, directory, '$ROOT')}
${settings.put}
mkdir -p "$ROOT/run/imgbuild-lists/partial" "$ROOT/run/imgbuild-cache/archives/partial"
policy="$ROOT/usr/sbin/policy-rc.d"
[ -e "$policy" ] || { printf '#!/bin/sh\\nexit 101\\n' > "$policy"; chmod 0755 "$policy"; ours=yes; }
in_target() { chroot "$ROOT" env PATH=${TARGET_PATH} APT_CONFIG=${REPOSITORY_MOUNT}/apt.conf "$@"; }
in_target apt-get -q update
in_target apt-get -q -y install "$@"
${waitForJobs('$ROOT')}${settlePython('$ROOT')}
[ -z "\${ours-}" ] || rm -f "$policy"
${settings.take}
${unmount('$ROOT')}
`;
  const watch = watchPhases(context, 'packages', new Map());
  const title = `installing ${String(packages.length)} packages`;
  const argv = isolatedTarget(script, [root, ...packages.map(withoutRelease)], context.emulate);
  await runInstaller(context, argv, title, epoch, watch);
}

async function runInstaller(
  context: Context,
  argv: readonly string[],
  doing: string,
  epoch: number,
  watch: ReturnType<typeof watchPhases>,
): Promise<void> {
  const counter = countPackages(context, doing);
  try {
    await run(argv, {
      doing,
      // Programs that are started before Python's library is compiled must not do it, each for itself and in another form.
      env: {
        SOURCE_DATE_EPOCH: String(epoch),
        PYTHONDONTWRITEBYTECODE: '1',
        // mmdebstrap starts dpkg itself for the essential packages.
        ...(context.settings.plain ? {} : { PATH: TARGET_PATH }),
      },
      signal: context.signal,
      onLine: (line) => {
        counter(line);
        watch.onLine(line);
      },
    });
  } catch (error) {
    if (error instanceof CommandError) throw watch.failure() ?? error;
    throw error;
  }
}

/** dpkg's lines as progress: how many packages are unpacked and configured. */
function countPackages(context: Context, doing: string): (line: string) => void {
  let unpacked = 0;
  let configured = 0;
  return (line) => {
    if (line.startsWith('Unpacking ')) unpacked++;
    else if (line.startsWith('Setting up ')) configured++;
    else return;
    context.emit({
      type: 'progress',
      profile: context.profile,
      text: `${doing}: ${String(unpacked)} unpacked, ${String(configured)} configured`,
    });
  };
}
