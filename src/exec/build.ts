import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Input } from '../plan/types.js';
import { openArchive, solve, variantArguments } from './archive.js';
import type { Context } from './context.js';
import { requireOwners } from './formats/directory.js';
import { dynamicInputs, hereOf, stageKeys } from './keys.js';
import { withLock } from './lock.js';
import { makeOutputs } from './outputs.js';
import { rememberKeys } from './predict.js';
import { requireSize } from './size-limit.js';
import { findStage, rememberInputs, secretsTag } from './stages.js';
import { wholeTree } from './tree.js';
import type { BuildEvent, BuildRequest, BuildResult, BuildSettings } from './types.js';
import { findUnchanged, fits, rememberOutput, type OutputRecord } from './uptodate.js';
import { inWorkDirectory } from './work.js';

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
  const job = { profile: build.plan.profile, roots: build.roots, settings, emit, signal, last };
  return await inWorkDirectory(job, (context) => buildStages(context, build));
}

async function buildStages(context: Context, build: Build): Promise<BuildResult> {
  const { plan } = build;
  const { settings, emit, profile } = context;
  if (plan.outputs.includes('dir')) requireOwners(settings.outputDir);
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
    const found = findUnchanged(settings, record);
    if (found !== undefined) {
      const { files } = found;
      const fitting = fits(found, plan.maxSize?.bytes);
      // A limit that is new or lower is held against the tree. When that is gone the image is made again, and judged then.
      const entry = fitting ? undefined : findStage(settings.cacheDir, keys.configure);
      if (fitting || entry !== undefined) {
        const treeBytes = entry === undefined ? found.treeBytes : await requireSize(context, plan, entry);
        rememberOutput(settings, { ...record, ...sizeOf(treeBytes), files });
        return { profile, state: 'unchanged', files, seconds: seconds() };
      }
    }
  }
  const tree = await wholeTree(context, build, { archive, base, all, dynamic, tag }, keys);
  const { files, treeBytes } = await makeOutputs(context, build, keys, tree, archive);
  rememberOutput(settings, { ...record, ...sizeOf(treeBytes), files });
  rememberKeys(settings.cacheDir, settings.builderDigest, plan, { ...keys });
  rememberInputs(
    settings.cacheDir,
    profile,
    Object.fromEntries<readonly Input[]>([
      ...plan.stages.map((stage): [string, readonly Input[]] => [stage.name, stage.inputs]),
      ...Object.entries(dynamic).map(([stage, inputs]): [string, readonly Input[]] => [hereOf(stage), inputs]),
    ]),
  );
  return { profile, state: 'built', files, seconds: seconds() };
}

function sizeOf(treeBytes: number | undefined): Pick<OutputRecord, 'treeBytes'> {
  return treeBytes === undefined ? {} : { treeBytes };
}
