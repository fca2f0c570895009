import { createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildPlan, Input } from '../plan/types.js';
import { openArchive, solve, variantArguments, type Archive } from './archive.js';
import type { Context } from './context.js';
import { isTmpfs } from './workplace.js';
import { explainFullDisk, keepLog, reportLog } from './failure.js';
import { CACHE_LEVEL, packTree, unpackTree } from './frames.js';
import { dynamicInputs, hereOf, stageKeys, type Keys } from './keys.js';
import { withLock } from './lock.js';
import { rememberKeys } from './predict.js';
import { publish } from './publish.js';
import { tarball } from './publish-tarball.js';
import { findStage, rememberInputs, secretsTag, storeStage, type StageEntry } from './stages.js';
import { toolVersions } from './tools.js';
import { wholeTree } from './tree.js';
import type { BuildEvent, BuildRequest, BuildResult, BuildSettings } from './types.js';
import { findUnchanged, rememberOutput, type OutputRecord } from './uptodate.js';

type Build = BuildRequest['builds'][number];

/**
 * Builds one profile: every stage from the cache or anew, then the files.
 *
 * @param last no build follows: a work directory in memory is then left to the kernel, which is quicker with it.
 * @throws UserError, CommandError; nothing but the log of a failed build is left outside of the cache.
 */
export async function buildProfile(
  build: Build,
  settings: BuildSettings,
  emit: (event: BuildEvent) => void,
  signal: AbortSignal,
  last: boolean,
): Promise<BuildResult> {
  const work = mkdtempSync(join(settings.workDir, 'build-'));
  const started = performance.now();
  const logFile = join(work, 'build.log');
  const log = createWriteStream(logFile);
  // A full work directory is told by what fails in it, not by its log.
  log.on('error', () => undefined);
  const context: Context = {
    profile: build.plan.profile,
    settings,
    work,
    roots: build.roots,
    emit,
    log: (line) => void log.write(`${((performance.now() - started) / 1000).toFixed(2).padStart(7)} ${line}\n`),
    signal,
    sound: new Set(),
  };
  try {
    const result = await buildStages(context, build);
    // The log of a build that went well is for who wants to know where the time went.
    const logs = join(settings.cacheDir, 'logs');
    mkdirSync(logs, { recursive: true });
    await new Promise((resolve) => log.end(resolve));
    keepLog(settings.cacheDir, logFile, join(logs, `${build.plan.profile}.log`));
    return result;
  } catch (error) {
    if (!signal.aborted) {
      await new Promise((resolve) => log.end(resolve));
      reportLog(context, logFile);
    }
    throw explainFullDisk(context, error);
  } finally {
    log.destroy();
    if (!last || !isTmpfs(settings.workDir)) rmSync(work, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function buildStages(context: Context, build: Build): Promise<BuildResult> {
  const { plan } = build;
  const { settings, emit, profile } = context;
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;

  emit({ type: 'stage', profile, stage: 'archive', state: 'start' });
  const start = [...variantArguments(plan), ...plan.packages.shared];
  mkdirSync(join(settings.cacheDir, 'apt'), { recursive: true });
  // One build at a time: what apt chooses has to come from the indexes that the keys are made of.
  const { archive, base, all } = await withLock(join(settings.cacheDir, 'apt'), async () => {
    const opened = await openArchive(context, plan);
    const [first, whole] = await Promise.all([
      solve(context, opened, start),
      solve(context, opened, [...start, ...plan.packages.extra]),
    ]);
    return { archive: opened, base: first, all: whole };
  });
  emit({ type: 'stage', profile, stage: 'archive', state: 'done', seconds: seconds() });

  const tag = secretsTag(settings.cacheDir, build.secrets);
  const dynamic = dynamicInputs(settings, { archive, base, all }, tag);
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
  const entry = await wholeTree(context, build, { archive, base, all, dynamic }, keys);
  emit({ type: 'stage', profile, stage: 'output', state: 'start' });
  const outputStart = performance.now();
  const files = await makeOutput(context, plan, keys, entry, archive);
  rememberOutput(settings, { ...record, files });
  rememberKeys(settings.cacheDir, settings.builderDigest, plan, { ...keys });
  rememberInputs(
    settings.cacheDir,
    profile,
    Object.fromEntries<readonly Input[]>([
      ...plan.stages.map((stage): [string, readonly Input[]] => [stage.name, stage.inputs]),
      ...Object.entries(dynamic).map(([stage, inputs]): [string, readonly Input[]] => [hereOf(stage), inputs]),
    ]),
  );
  emit({
    type: 'stage',
    profile,
    stage: 'output',
    state: 'done',
    seconds: (performance.now() - outputStart) / 1000,
  });
  return { profile, state: 'built', files, seconds: seconds() };
}

async function makeOutput(
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
  return await publish(context, [tarball(context, list)], {
    plan,
    inventory: entry.inventory ?? { debianVersion: '', packages: [] },
    epoch: entry.epoch,
    digests: { ...keys, builder: context.settings.builderDigest },
    archive: archive.releases.map(({ uri, sha256 }) => ({ uri, sha256 })),
    tools: await toolVersions(context),
  });
}
