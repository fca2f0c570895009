import { copyFileSync, createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../digest.js';
import { CommandError, EXIT, UserError } from '../errors.js';
import type { BuildPlan, Stage, StageName } from '../plan/types.js';
import { openArchive, solve, variantArguments, type Archive, type Solution } from './archive.js';
import { giveToOwnerOf, type Context } from './context.js';
import { fetchDebs, type StoredDeb } from './debs.js';
import { CACHE_LEVEL, packTree, unpackTree } from './frames.js';
import { bootstrap, install } from './install.js';
import { isolatedTarget } from './namespace.js';
import { watchPhases, writePhase } from './phases.js';
import { rememberKeys } from './predict.js';
import { publishTarball } from './publish.js';
import { run } from './run.js';
import { withSecrets } from './secrets.js';
import { findStage, lastInputs, rememberInputs, secretsTag, storeStage, whyMissed, type StageEntry } from './stages.js';
import { clampTimes, settleSources, takeInventory, tidy } from './tidy.js';
import { toolVersions } from './tools.js';
import type { BuildEvent, BuildRequest, BuildResult, BuildSettings } from './types.js';
import { findUnchanged, rememberOutput, type OutputRecord } from './uptodate.js';

type Build = BuildRequest['builds'][number];

/**
 * Builds one profile: every stage from the cache or anew, then the files.
 *
 * @throws UserError, CommandError; nothing but the log of a failed build is left outside of the cache.
 */
export async function buildProfile(
  build: Build,
  settings: BuildSettings,
  emit: (event: BuildEvent) => void,
  signal: AbortSignal,
): Promise<BuildResult> {
  const work = mkdtempSync(join(settings.workDir, 'build-'));
  const logFile = join(work, 'build.log');
  const log = createWriteStream(logFile);
  const context: Context = {
    profile: build.plan.profile,
    settings,
    work,
    roots: build.roots,
    emit,
    log: (line) => void log.write(`${line}\n`),
    signal,
  };
  try {
    return await buildStages(context, build);
  } catch (error) {
    if (!signal.aborted) {
      await new Promise((resolve) => log.end(resolve));
      keepLog(context, logFile);
    }
    throw explainFullDisk(context, error);
  } finally {
    log.destroy();
    rmSync(work, { recursive: true, force: true });
  }
}

/** Names of a build's three rootfs stages and what each adds to the key of the plan. */
interface Keys {
  readonly base: string;
  readonly packages: string;
  readonly configure: string;
  readonly output: string;
}

interface Inputs {
  readonly archive: Archive;
  readonly base: Solution;
  readonly all: Solution;
}

async function buildStages(context: Context, build: Build): Promise<BuildResult> {
  const { plan } = build;
  const { settings, emit, profile } = context;
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;

  emit({ type: 'stage', profile, stage: 'archive', state: 'start' });
  const archive = await openArchive(context, plan);
  const start = [...variantArguments(plan), ...plan.packages.shared];
  const [base, all] = await Promise.all([
    solve(context, archive, start),
    solve(context, archive, [...start, ...plan.packages.extra]),
  ]);
  emit({ type: 'stage', profile, stage: 'archive', state: 'done', seconds: seconds() });

  const tag = secretsTag(settings.cacheDir, build.secrets);
  const keys = stageKeys(plan, settings, { archive, base, all }, tag);
  const record: OutputRecord = {
    profile,
    key: keys.output,
    planDigest: plan.stages.at(-1)?.digest ?? '',
    builderDigest: settings.builderDigest,
    secretsTag: tag,
    nameStyle: settings.nameStyle,
    sourceDateEpoch: settings.sourceDateEpoch ?? null,
    releases: archive.releases.map(({ uri, sha256 }) => ({ uri, sha256 })),
    files: [],
  };
  if (!settings.force) {
    const files = findUnchanged(settings, record);
    if (files !== undefined) {
      rememberOutput(settings, { ...record, files });
      return { profile, state: 'unchanged', files, seconds: seconds() };
    }
  }
  const entry = await configuredTree(context, build, { archive, base, all }, keys);
  emit({ type: 'stage', profile, stage: 'output', state: 'start' });
  const outputStart = performance.now();
  const files = await publish(context, plan, keys, entry, archive);
  rememberOutput(settings, { ...record, files });
  rememberKeys(settings.cacheDir, settings.builderDigest, plan, { ...keys });
  rememberInputs(settings.cacheDir, profile, Object.fromEntries(plan.stages.map((stage) => [stage.name, stage.inputs])));
  emit({
    type: 'stage',
    profile,
    stage: 'output',
    state: 'done',
    seconds: (performance.now() - outputStart) / 1000,
  });
  return { profile, state: 'built', files, seconds: seconds() };
}

/** A stage's key: its digest in the plan, and what only the builder knows: itself, the packages' files, the epoch. */
function stageKeys(plan: BuildPlan, settings: BuildSettings, inputs: Inputs, tag: string): Keys {
  const digest = (name: StageName): string => plan.stages.find((stage) => stage.name === name)?.digest ?? '';
  const builder = settings.builderDigest;
  const epoch = settings.sourceDateEpoch ?? null;
  const sources = inputs.archive.sources.map(({ path, text }) => ({ path, text }));
  const base = digestOf({ plan: digest('base'), builder, epoch, sources, packages: inputs.base.digest });
  const packages = digestOf({ plan: digest('packages'), base, packages: inputs.all.digest });
  const configure = digestOf({ plan: digest('configure'), packages, tag });
  const output = digestOf({ plan: digest('output'), configure, style: settings.nameStyle });
  return { base, packages, configure, output };
}

function stageOf(plan: BuildPlan, name: StageName): Stage {
  const stage = plan.stages.find((candidate) => candidate.name === name);
  if (stage === undefined) throw new Error(`the plan has no stage ${name}`);
  return stage;
}

/** The entry of the stage `configure`, from the cache or by running what is missing before it. */
async function configuredTree(context: Context, build: Build, inputs: Inputs, keys: Keys): Promise<StageEntry> {
  const { plan } = build;
  const { cacheDir, force } = context.settings;
  const find = (key: string): StageEntry | undefined => (force ? undefined : findStage(cacheDir, key));
  const hit = find(keys.configure);
  if (hit !== undefined) {
    for (const stage of ['base', 'packages', 'configure']) announce(context, stage, 'hit');
    return hit;
  }
  const root = join(context.work, 'root');
  const saving: Promise<void>[] = [];
  const save = async (stage: StageName, key: string, epoch: number, entry: Partial<StageEntry> = {}): Promise<StageEntry> => {
    const { done, ...list } = await packTree(context, root, epoch, CACHE_LEVEL);
    const full: StageEntry = { ...list, ...entry, stage, profile: plan.profile, epoch };
    saving.push(done.then(() => { storeStage(cacheDir, key, full); }));
    return full;
  };
  try {
    let fetched: Promise<StoredDeb[]> | undefined;
    const debs = (): Promise<StoredDeb[]> => (fetched ??= fetchDebs(context, inputs.archive, inputs.all.debs));
    const packagesHit = find(keys.packages);
    let epoch: number;
    if (packagesHit !== undefined) {
      announce(context, 'base', 'hit');
      announce(context, 'packages', 'hit');
      await unpackTree(context, packagesHit, root);
      epoch = packagesHit.epoch;
    } else {
      const baseHit = find(keys.base);
      if (baseHit !== undefined) {
        announce(context, 'base', 'hit');
        await Promise.all([unpackTree(context, baseHit, root), debs()]);
      } else {
        await timed(context, plan, 'base', async () => {
          const stored = await debs();
          const inBase = new Set(inputs.base.debs.map((deb) => deb.sha256));
          const baseDebs = stored.filter((deb) => inBase.has(deb.sha256));
          const baseEpoch = epochOf(context, baseDebs);
          await bootstrap(context, plan, root, baseDebs, baseEpoch);
          settleSources(root, inputs.archive);
          await clampTimes(context, root, baseEpoch);
          await save('base', keys.base, baseEpoch);
        });
      }
      const stored = await debs();
      epoch = epochOf(context, stored);
      await timed(context, plan, 'packages', async () => {
        await install(context, plan, root, plan.packages.extra, stored, epoch);
        await clampTimes(context, root, epoch);
        await save('packages', keys.packages, epoch);
      });
    }
    let entry: StageEntry | undefined;
    await timed(context, plan, 'configure', async () => {
      await configure(context, build, root, epoch);
      await tidy(context, root, epoch);
      entry = await save('configure', keys.configure, epoch, { inventory: await takeInventory(context, root) });
    });
    await Promise.all(saving);
    if (entry === undefined) throw new Error('the configure stage gave no entry');
    return entry;
  } catch (error) {
    await Promise.allSettled(saving);
    if (error instanceof CommandError && existsSync(root)) await keepFailedTree(context, root);
    throw error;
  }
}

/** Name in the cache of the tree that a build failed with, for `imgbuild shell --failed`. */
export function failedKey(profile: string): string {
  return `failed-${profile}`;
}

/** Keeps the tree as the failed step left it. When that fails, too, the first failure is what counts. */
async function keepFailedTree(context: Context, root: string): Promise<void> {
  try {
    const { done, ...list } = await packTree(context, root, Math.floor(Date.now() / 1000), CACHE_LEVEL);
    await done;
    const entry: StageEntry = { ...list, stage: 'failed', profile: context.profile, epoch: 0 };
    storeStage(context.settings.cacheDir, failedKey(context.profile), entry);
  } catch (error) {
    context.log(`the failed tree could not be kept: ${String(error)}`);
  }
}

/** SOURCE_DATE_EPOCH: as asked for, or the time of the newest package, so that it changes only when the image does. */
function epochOf(context: Context, debs: readonly StoredDeb[]): number {
  return context.settings.sourceDateEpoch ?? Math.max(0, ...debs.map((deb) => deb.date));
}

async function configure(context: Context, build: Build, root: string, epoch: number): Promise<void> {
  const step = stageOf(build.plan, 'configure').steps.find((candidate) => candidate.kind === 'phase');
  if (step === undefined) return;
  const script = writePhase(context, step, epoch, build.plan.apt.mergedUsr);
  const watch = watchPhases(context, 'configure', new Map([[step.phase, script.count]]));
  const argv = isolatedTarget(withSecrets('exec bash "$2" "$1"'), [root, script.path]);
  try {
    await run(argv, {
      doing: 'customizing',
      input: secretLines(build.secrets),
      env: { SOURCE_DATE_EPOCH: String(epoch) },
      signal: context.signal,
      onLine: watch.onLine,
    });
  } catch (error) {
    if (error instanceof CommandError) throw watch.failure() ?? error;
    throw error;
  }
}

function secretLines(secrets: Readonly<Record<string, string>>): string {
  return Object.entries(secrets)
    .map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}\n`)
    .join('');
}

async function publish(
  context: Context,
  plan: BuildPlan,
  keys: Keys,
  entry: StageEntry,
  archive: Archive,
): Promise<BuildResult['files']> {
  const level = Number(plan.options['output.zstdLevel'] ?? CACHE_LEVEL);
  let list: StageEntry = entry;
  if (level !== CACHE_LEVEL) {
    const cached = findStage(context.settings.cacheDir, keys.output);
    if (cached === undefined) {
      const root = join(context.work, 'root');
      if (!existsSync(root)) await unpackTree(context, entry, root);
      const { done, ...packed } = await packTree(context, root, entry.epoch, level);
      await done;
      list = { ...entry, ...packed, stage: 'output' };
      storeStage(context.settings.cacheDir, keys.output, list);
    } else list = cached;
  }
  return publishTarball(context, list, {
    plan,
    inventory: entry.inventory ?? { debianVersion: '', packages: [] },
    epoch: entry.epoch,
    digests: { ...keys, builder: context.settings.builderDigest },
    archive: archive.releases.map(({ uri, sha256 }) => ({ uri, sha256 })),
    tools: await toolVersions(context),
  });
}

function announce(context: Context, stage: string, state: 'hit'): void {
  context.emit({ type: 'stage', profile: context.profile, stage, state });
}

async function timed(context: Context, plan: BuildPlan, stage: StageName, work: () => Promise<void>): Promise<void> {
  const before = lastInputs(context.settings.cacheDir, plan.profile)?.[stage];
  const why = context.settings.force ? 'asked to build everything' : whyMissed(stageOf(plan, stage).inputs, before);
  context.emit({ type: 'stage', profile: context.profile, stage, state: 'start', why });
  const started = performance.now();
  await work();
  const seconds = (performance.now() - started) / 1000;
  context.emit({ type: 'stage', profile: context.profile, stage, state: 'done', seconds, why });
}

/** Keeps the log of a failed build beside the outputs; when that place is what failed, the message has to do. */
function keepLog(context: Context, logFile: string): void {
  const directory = join(context.settings.outputDir, context.profile);
  const path = join(directory, `${context.profile}_failed.log`);
  try {
    mkdirSync(directory, { recursive: true });
    copyFileSync(logFile, path);
    giveToOwnerOf(context.settings.outputDir, directory, path);
    context.emit({ type: 'log', level: 'info', text: `the full log is ${join(context.profile, `${context.profile}_failed.log`)}` });
  } catch (error) {
    context.emit({ type: 'log', level: 'warn', text: `the log could not be kept: ${String(error)}` });
  }
}

/** Below this a filesystem counts as full: tools fail in many ways then, and say so in few. */
const FULL_BYTES = 8 << 20;

function explainFullDisk(context: Context, error: unknown): unknown {
  if (error instanceof UserError || context.signal.aborted) return error;
  const full = (directory: string): boolean => {
    const stat = statfsSync(directory);
    return stat.bavail * stat.bsize < FULL_BYTES;
  };
  if (full(context.settings.workDir)) {
    return new UserError('the work directory is full', {
      exitCode: EXIT.environment,
      hint: 'build with --work disk, or with a larger --work-size',
      cause: error,
    });
  }
  if (full(context.settings.cacheDir)) {
    return new UserError('the cache directory is full', {
      exitCode: EXIT.environment,
      hint: 'make room with `imgbuild cache prune`, or set IMGBUILD_CACHE_DIR to another place',
      cause: error,
    });
  }
  return error;
}
