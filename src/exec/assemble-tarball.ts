import { existsSync, lstatSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadLayout, type LayoutRequest } from '../config/load-layout.js';
import { loadProject } from '../config/load.js';
import { ARCHITECTURES } from '../config/architectures.js';
import { SUITE_NAMES } from '../config/suites.js';
import { digestOf } from '../digest.js';
import { fstabText } from '../disk/tables.js';
import { UserError } from '../errors.js';
import { makePlan } from '../plan/plan.js';
import { storageOnly } from '../plan/storage-only.js';
import type { BuildPlan } from '../plan/types.js';
import type { Context } from './context.js';
import { architectureOf, emulationFor } from './emulation.js';
import { cachedTree, passingTree, type FinishedTree } from './finished.js';
import { useCache } from './in-use.js';
import { stageOf, type Keys } from './keys.js';
import { makeOutputs } from './outputs.js';
import { output, run } from './run.js';
import { findStage, secretsTag, type Inventory } from './stages.js';
import { clampTimes, takeInventory } from './tidy.js';
import { timed } from './timed.js';
import { configure } from './tree.js';
import type { BuildEvent, BuildResult, BuildSettings } from './types.js';
import { inWorkDirectory } from './work.js';

/** What the launcher sends to the builder; carries secrets, so it is never logged or stored. */
export interface AssembleRequest {
  /** The tarball, as the builder sees it. */
  readonly tarball: string;
  readonly layout: Omit<LayoutRequest, 'suite' | 'architecture'>;
  /** Where the product's collections are. */
  readonly programDir: string;
  /** Values of secrets by name. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly settings: BuildSettings;
}

/**
 * Stage 2 alone: unpacks the tarball of any Debian, does in a private chroot what its disks need, and makes the images.
 *
 * @throws UserError when it is no Debian, or lacks packages that the layout needs.
 */
export async function assembleTarball(
  request: AssembleRequest,
  emit: (event: BuildEvent) => void,
  signal: AbortSignal,
): Promise<BuildResult> {
  const { settings, layout } = request;
  mkdirSync(settings.cacheDir, { recursive: true });
  const release = await useCache(settings);
  const started = performance.now();
  // No user's files in the builder: a layout takes the product's collections alone.
  const project = loadProject({ programDir: request.programDir, cwd: '/' });
  const roots = Object.fromEntries(project.roots.map((root) => [root.id, root.directory]));
  try {
    const job = { profile: layout.name, roots, settings, emit, signal, last: true };
    const files = await inWorkDirectory(job, async (context) => {
      const sha256 = await timed(context, 'unpack', () => unpack(context, request.tarball));
      const root = rootOf(context);
      for (const name of OWN) requireOwn(root, name);
      const { suite, architecture } = await factsOf(context, root);
      const inventory = await takeInventory(context, root);
      const { config, packages } = loadLayout(project, {
        ...layout,
        suite,
        architecture,
        firstBoot: existsSync(path.join(root, FIRST_BOOT)),
      });
      requirePackages(root, inventory, packages);
      const whole = makePlan(config);
      const plan = storageOnly(whole, keptLines(context, root, whole));
      const keys = keysOf(request, plan, sha256);
      const tree = await configured(context, request, { plan, keys, inventory });
      const source = { uri: path.basename(request.tarball), sha256 };
      const releases = [source];
      return (await makeOutputs(context, { plan, secrets: request.secrets }, keys, tree, { releases })).files;
    });
    return { profile: layout.name, state: 'built', files, seconds: (performance.now() - started) / 1000 };
  } finally {
    release();
  }
}

function rootOf(context: Context): string {
  return path.join(context.work, 'root');
}

/** Unpacks with owners, and gives the digest of the file. */
async function unpack(context: Context, tarball: string): Promise<string> {
  const root = rootOf(context);
  mkdirSync(root);
  const options = { signal: context.signal, onLine: context.log };
  const hash = output(['sha256sum', '--', tarball], { ...options, doing: 'reading the tarball' });
  hash.catch(() => undefined);
  const argv = ['tar', '--extract', `--file=${tarball}`, `--directory=${root}`, '--numeric-owner', '--same-owner'];
  // Nodes are the kernel's to make on the machine, and an unprivileged builder could not.
  const more = ['--preserve-permissions', '--xattrs', '--xattrs-include=*', '--exclude=./dev/*', '--exclude=dev/*'];
  await run([...argv, ...more], {
    ...options,
    doing: 'unpacking the tarball',
    hint: 'a tar is wanted, plain or packed with zstd, gzip or xz',
  });
  return (await hash).slice(0, 64);
}

/** Where the collection firstboot/vm has its program. */
const FIRST_BOOT = 'usr/lib/imgbuild/firstboot';

/** What is read and written here, outside of the chroot. */
const OWN = ['etc/fstab', 'etc/crypttab', 'etc/mdadm/mdadm.conf', 'usr/lib/os-release', 'var/lib/dpkg/status', 'boot'];

/** A link on the way might lead out of the tree, to a file of the builder. */
function requireOwn(root: string, name: string): void {
  const parts = name.split('/');
  const link = parts
    .map((_, n) => parts.slice(0, n + 1).join('/'))
    .find((part) => lstatSync(path.join(root, part), { throwIfNoEntry: false })?.isSymbolicLink() === true);
  if (link !== undefined) throw new UserError(`/${link} in the tarball is a link, and has to be the thing itself`);
}

/** Suite and architecture, as the system in the tree tells them. */
async function factsOf(context: Context, root: string): Promise<{ suite: string; architecture: string }> {
  const release = path.join(root, 'usr/lib/os-release');
  const text = existsSync(release) ? readFileSync(release, 'utf8') : '';
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  if (field('ID') !== 'debian' || !existsSync(path.join(root, 'var/lib/dpkg/status'))) {
    const what = field('ID') === '' ? 'no root filesystem of Debian' : `a root filesystem of ${field('ID')}`;
    throw new UserError(`the tarball holds ${what}`, {
      hint: "its members have to begin at the system's root: ./etc, ./usr",
    });
  }
  const suite = SUITE_NAMES.find((name) => name === field('VERSION_CODENAME'));
  if (suite === undefined) {
    throw new UserError(`the tarball holds Debian "${field('VERSION_CODENAME')}"`, {
      hint: `known are ${SUITE_NAMES.join(', ')}`,
    });
  }
  const said = await architectureOf(context, root);
  const architecture = ARCHITECTURES.find((name) => name === said);
  if (architecture === undefined)
    throw new UserError(`the tarball is for ${said}`, { hint: `known are ${ARCHITECTURES.join(', ')}` });
  return { suite, architecture };
}

function requirePackages(root: string, { packages }: Inventory, needed: readonly string[]): void {
  const installed = new Set(packages.map(({ name }) => name));
  const missing = needed.filter((name) => !installed.has(name));
  if (missing.length > 0) {
    throw new UserError(`the root filesystem lacks what its disk needs: ${missing.join(', ')}`, {
      hint: `install them before it is packed (packages: [${missing.join(', ')}] in its profile), or choose another layout`,
    });
  }
  if (!existsSync(path.join(root, 'boot'))) throw new UserError('the root filesystem has no /boot, and no kernel');
}

/** Types of file systems that no disk holds; lines of fstab about them stay. */
const DISKLESS = /^(?:tmpfs|ramfs|proc|sysfs|devpts|nfs4?|cifs|9p|virtiofs|overlay|fuse\S*|none)$/;

/** Lines of the tarball's own fstab that go on to hold: those about no disk, unless the layout has something there. */
function keptLines({ emit }: Context, root: string, { disks }: BuildPlan): string[] {
  const file = path.join(root, 'etc/fstab');
  if (!existsSync(file)) return [];
  const planned = new Set(fields(fstabText(disks)).map(([, at]) => at));
  const lines = fields(readFileSync(file, 'utf8')).filter(([, at = '']) => !planned.has(at));
  const kept = lines.filter(([source = '', , type = '', options = '']) => {
    const bind = /(?:^|,)r?bind(?:,|$)/.test(options);
    return bind || (DISKLESS.test(type) && !source.startsWith('/dev/'));
  });
  for (const line of lines.filter((one) => !kept.includes(one))) {
    emit({
      type: 'log',
      level: 'warn',
      text: `the layout has no place for this line of /etc/fstab: ${line.join(' ')}`,
    });
  }
  return kept.map((line) => line.join(' '));
}

function fields(text: string): string[][] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/\s+/));
}

function keysOf({ settings, secrets }: AssembleRequest, plan: BuildPlan, sha256: string): Keys {
  const tag = secretsTag(settings.cacheDir, secrets);
  const stage = stageOf(plan, 'configure');
  const packages = digestOf({
    tarball: sha256,
    builder: settings.builderDigest,
    epoch: settings.sourceDateEpoch ?? null,
  });
  const configured = digestOf({ steps: stage.steps, packages, tag });
  const digest = (name: 'assemble' | 'output'): string => stageOf(plan, name).digest;
  return {
    base: packages,
    packages,
    configure: configured,
    assemble: digestOf({ plan: digest('assemble'), configured }),
    output: digestOf({ plan: digest('output'), configured, style: settings.nameStyle }),
  };
}

interface Configured {
  readonly plan: BuildPlan;
  readonly keys: Keys;
  readonly inventory: Inventory;
}

/** The configured tree, from the cache when the same was done to the same tarball before. */
async function configured(outer: Context, request: AssembleRequest, job: Configured): Promise<FinishedTree> {
  const { plan, keys, inventory } = job;
  const { cacheDir, force } = request.settings;
  const hit = force ? undefined : findStage(cacheDir, keys.configure);
  if (hit !== undefined) {
    outer.emit({ type: 'stage', profile: outer.profile, stage: 'configure', state: 'hit' });
    return cachedTree(outer, hit);
  }
  const context = { ...outer, emulate: await emulationFor(outer, plan.architecture) };
  return await timed(context, 'configure', async () => {
    const root = rootOf(context);
    const epoch =
      request.settings.sourceDateEpoch ?? Math.floor(statSync(path.join(root, 'var/lib/dpkg/status')).mtimeMs / 1000);
    forget(context, root, plan);
    await configure(context, { plan, secrets: request.secrets }, root, epoch);
    await clampTimes(context, root, epoch);
    const facts = { stage: 'configure', profile: context.profile, epoch, inventory };
    return passingTree(context, root, keys.configure, facts);
  });
}

/** Tables of storage that the tarball was for before: a machine would wait for it. */
function forget({ emit }: Context, root: string, plan: BuildPlan): void {
  const written = stageOf(plan, 'configure').steps.flatMap((step) => (step.kind === 'write' ? [step.path] : []));
  for (const name of ['etc/crypttab', 'etc/mdadm/mdadm.conf']) {
    const file = path.join(root, name);
    const active =
      existsSync(file) &&
      fields(readFileSync(file, 'utf8')).some(([word = '']) => word === 'ARRAY' || name.endsWith('tab'));
    if (!active || written.includes(name)) continue;
    emit({ type: 'log', level: 'warn', text: `/${name} is emptied: the layout has none of what it names` });
    writeFileSync(file, '');
  }
}
