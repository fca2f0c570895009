import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DISK_SECRET } from '../config/types.js';
import { CommandError } from '../errors.js';
import type { BuildPlan, StageName } from '../plan/types.js';
import type { Context } from './context.js';
import { fetchDebs, type StoredDeb } from './debs.js';
import { emulationFor } from './emulation.js';
import { cachedTree, packedTree, passingTree, type FinishedTree } from './finished.js';
import { CACHE_LEVEL, packTree, removeDamaged, unpackTree } from './frames.js';
import { bootstrap, install } from './install.js';
import { hereOf, stageOf, type Inputs, type Keys } from './keys.js';
import { isolatedTarget } from './namespace.js';
import { openMemo, type Memo } from './once.js';
import { watchPhases, writePhase } from './phases.js';
import { needsDisks } from './outputs.js';
import { run } from './run.js';
import { noteMade, takeTurn, wasMadeHere } from './sharing.js';
import { withSecrets } from './secrets.js';
import { findStage, lastInputs, peekStage, storeStage, whyMissed, type StageEntry } from './stages.js';
import { clampTimes, settleSources, takeInventory, tidy } from './tidy.js';
import type { BuildRequest } from './types.js';

type Build = BuildRequest['builds'][number];

/**
 * The tree of the stage `configure`, every frame of which is whole. A cache that has been damaged (a power cut, a bad
 * disk) costs time and never reaches an image: what is broken is removed and made again.
 */
export async function wholeTree(context: Context, build: Build, inputs: Inputs, keys: Keys): Promise<FinishedTree> {
  const { cacheDir } = context.settings;
  for (let attempt = 1; ; attempt++) {
    try {
      const hit = findMade(context, keys.configure);
      if (hit === undefined) return await configuredTree(context, build, inputs, keys);
      if ((await removeDamaged(context, hit)) === 0) {
        for (const stage of ['base', 'packages', 'configure']) announce(context, stage, 'hit');
        return cachedTree(context, hit);
      }
    } catch (error) {
      // A tree from the cache could not be unpacked: was it the cache?
      const used = [keys.base, keys.packages].flatMap((key) => peekStage(cacheDir, key) ?? []);
      let removed = 0;
      if (error instanceof CommandError) for (const entry of used) removed += await removeDamaged(context, entry);
      if (removed === 0 || attempt > 1) throw error;
    }
    if (attempt > 1) throw new Error('the cache is damaged again as soon as it is written');
    rmSync(join(context.work, 'root'), { recursive: true, force: true });
  }
}

/** A stage in the cache that may be used: when all is to be made again, only if that was done here. */
function findMade({ settings: { cacheDir, force } }: Context, key: string): StageEntry | undefined {
  return force && !wasMadeHere(key) ? undefined : findStage(cacheDir, key);
}

/** The tree of the stage `configure`, by running what is missing before it. */
async function configuredTree(outer: Context, build: Build, inputs: Inputs, keys: Keys): Promise<FinishedTree> {
  const { plan } = build;
  const context = { ...outer, emulate: await emulationFor(outer, plan.architecture) };
  const root = join(context.work, 'root');
  const saving: Promise<void>[] = [];
  /** Gives the turn to the next build that needs a stage; see takeTurn. */
  const turns = new Map<string, () => void>();
  const turn = async (key: string): Promise<void> => void turns.set(key, await takeTurn(key));
  /** Returns when the tree may be changed again; it goes on into the cache beside what follows. */
  const save = async (stage: StageName, key: string, epoch: number): Promise<void> => {
    const { packed } = await packTree(context, root, epoch, CACHE_LEVEL);
    const saved = packed
      .then((list) => {
        storeStage(context.settings.cacheDir, key, { ...list, stage, profile: plan.profile, epoch });
        noteMade(key);
      })
      .finally(() => turns.get(key)?.());
    // Awaited at the end; a failure until then must not end the process.
    saved.catch(() => undefined);
    saving.push(saved);
  };
  try {
    await turn(keys.packages);
    const packagesHit = findMade(context, keys.packages);
    let epoch: number;
    if (packagesHit !== undefined) {
      turns.get(keys.packages)?.();
      announce(context, 'base', 'hit');
      announce(context, 'packages', 'hit');
      await unpackTree(context, packagesHit, root);
      epoch = packagesHit.epoch;
    } else {
      const inBase = new Set(inputs.base.debs.map((deb) => deb.sha256));
      const others = inputs.all.debs.filter((deb) => !inBase.has(deb.sha256));
      await turn(keys.base);
      const baseHit = findMade(context, keys.base);
      let baseEpoch: number;
      let fetching: Promise<StoredDeb[]>;
      if (baseHit !== undefined) {
        turns.get(keys.base)?.();
        announce(context, 'base', 'hit');
        baseEpoch = baseHit.epoch;
        fetching = fetchDebs(context, inputs.archive, others);
        await Promise.all([unpackTree(context, baseHit, root), fetching]);
      } else {
        const stored = await fetchDebs(context, inputs.archive, inputs.base.debs);
        // The rest comes while the base is made, which keeps one processor busy at the most.
        fetching = fetchDebs(context, inputs.archive, others);
        fetching.catch(() => undefined);
        baseEpoch = epochOf(context, stored);
        await timed(context, plan, inputs.dynamic, 'base', async () => {
          await bootstrap(context, plan, root, stored, baseEpoch);
          settleSources(root, inputs.archive);
          await clampTimes(context, root, baseEpoch);
          await save('base', keys.base, baseEpoch);
        });
      }
      const stored = await fetching;
      epoch = Math.max(baseEpoch, epochOf(context, stored));
      await timed(context, plan, inputs.dynamic, 'packages', async () => {
        await install(context, plan, root, plan.packages.extra, stored, epoch);
        await clampTimes(context, root, epoch);
        await save('packages', keys.packages, epoch);
      });
    }
    return await timed(context, plan, inputs.dynamic, 'configure', async () => {
      const { force, plain } = context.settings;
      const memo = force || plain ? undefined : await openMemo(context, { key: keys.packages, tag: inputs.tag });
      await configure(context, build, root, epoch, memo);
      await tidy(context, root, epoch);
      const inventory = await takeInventory(context, root);
      const facts = { stage: 'configure', profile: plan.profile, epoch, inventory };
      const finished = needsDisks(plan) ? passingTree : packedTree;
      const tree = await finished(context, root, keys.configure, facts);
      return {
        ...tree,
        saved: async () => {
          await Promise.all(saving);
          return await tree.saved();
        },
      };
    });
  } catch (error) {
    await Promise.allSettled(saving);
    for (const release of turns.values()) release();
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
    const { packed } = await packTree(context, root, Math.floor(Date.now() / 1000), CACHE_LEVEL);
    const entry: StageEntry = { ...(await packed), stage: 'failed', profile: context.profile, epoch: 0 };
    storeStage(context.settings.cacheDir, failedKey(context.profile), entry);
  } catch (error) {
    context.log(`the failed tree could not be kept: ${String(error)}`);
  }
}

/** SOURCE_DATE_EPOCH: as asked for, or the time of the newest package, so that it changes only when the image does. */
function epochOf(context: Context, debs: readonly StoredDeb[]): number {
  return context.settings.sourceDateEpoch ?? Math.max(0, ...debs.map((deb) => deb.date));
}

/** Does in a tree what the stage `configure` of a plan says: files are written, then the hooks run. */
export async function configure(
  context: Context,
  build: Pick<Build, 'plan' | 'secrets'>,
  root: string,
  epoch: number,
  memo?: Memo,
): Promise<void> {
  const { steps } = stageOf(build.plan, 'configure');
  for (const step of steps) {
    if (step.kind !== 'write') continue;
    mkdirSync(dirname(join(root, step.path)), { recursive: true });
    writeFileSync(join(root, step.path), step.text, { mode: 0o644 });
  }
  const step = steps.find((candidate) => candidate.kind === 'phase');
  if (step === undefined) return;
  const script = writePhase(context, step, epoch, build.plan.apt.mergedUsr, memo);
  const watch = watchPhases(context, 'configure', new Map([[step.phase, script.count]]));
  const argv = isolatedTarget(withSecrets('exec bash "$2" "$1"'), [root, script.path], context.emulate);
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
    .filter(([name]) => !name.startsWith(DISK_SECRET))
    .map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}\n`)
    .join('');
}

function announce(context: Context, stage: string, state: 'hit'): void {
  context.emit({ type: 'stage', profile: context.profile, stage, state });
}

async function timed<T>(
  context: Context,
  plan: BuildPlan,
  dynamic: Inputs['dynamic'],
  stage: StageName,
  work: () => Promise<T>,
): Promise<T> {
  const last = lastInputs(context.settings.cacheDir, plan.profile);
  const before = last?.[stage] && [...last[stage], ...(last[hereOf(stage)] ?? [])];
  const now = [...stageOf(plan, stage).inputs, ...(dynamic[stage] ?? [])];
  const why = context.settings.force ? 'asked to build everything' : whyMissed(now, before, stage === 'base');
  context.emit({ type: 'stage', profile: context.profile, stage, state: 'start', why });
  const started = performance.now();
  const result = await work();
  const seconds = (performance.now() - started) / 1000;
  context.emit({ type: 'stage', profile: context.profile, stage, state: 'done', seconds, why });
  return result;
}
