import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, EXIT, UserError } from '../errors.js';
import type { Sized } from '../look/size.js';
import { sizeFault, type Earlier } from '../look/size-limit.js';
import { measureTar } from '../look/size-tar.js';
import type { BuildPlan } from '../plan/types.js';
import type { Context } from './context.js';
import { readJson } from './json.js';
import { keptBuilds } from './publish-kept.js';
import { readTree } from './read-tree.js';
import { peekStage, type StageEntry } from './stages.js';

/**
 * Holds a finished tree against the limit of its profile.
 *
 * @returns bytes of its files; `undefined` when there is no limit, and nothing was measured.
 * @throws UserError (exit 7) when it is larger, with what has grown since the newest image that is kept.
 */
export async function requireSize(context: Context, plan: BuildPlan, entry: StageEntry): Promise<number | undefined> {
  const { maxSize } = plan;
  if (maxSize === undefined) return undefined;
  const measured = await measureTar(readTree(context, entry));
  if (measured.bytes <= maxSize.bytes) return measured.bytes;
  const fault = sizeFault(maxSize.bytes, measured, await earlierOf(context), collectionsOf(plan, maxSize.brings));
  throw new UserError(fault ?? '', {
    exitCode: EXIT.findings,
    hint: 'take out what is not needed (`-name` in packages), or raise maxSize; an earlier image is as it was',
  });
}

/** What the newest image that is kept was made of, as long as the cache has it. */
async function earlierOf(context: Context): Promise<Earlier | undefined> {
  const { cacheDir, outputDir } = context.settings;
  const directory = join(outputDir, context.profile);
  const [newest] = existsSync(directory) ? keptBuilds(directory) : [];
  if (newest === undefined) return undefined;
  const manifest = readJson(join(directory, newest.manifest)) as { digests?: { configure?: unknown } } | undefined;
  const key = manifest?.digests?.configure;
  const entry = typeof key === 'string' && /^[0-9a-f]+$/.test(key) ? peekStage(cacheDir, key) : undefined;
  if (entry === undefined) return undefined;
  try {
    const day = new Date(newest.time).toISOString().slice(0, 10);
    return { measured: await measureTar(readTree(context, entry)), day };
  } catch (error) {
    // It only helps to explain; a damaged piece of an old tree must not hide what is wrong.
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}

function collectionsOf(plan: BuildPlan, brings: Readonly<Record<string, readonly string[]>>): Sized[] {
  const overlays = plan.stages
    .flatMap(({ steps }) => steps)
    .flatMap((step) => (step.kind === 'phase' ? step.items : []))
    .filter((item) => item.kind === 'overlay');
  return plan.collections.map((name) => ({
    name,
    packages: brings[name] ?? [],
    paths: overlays.filter((item) => item.collection === name).flatMap((item) => item.entries.map(({ path }) => path)),
  }));
}
