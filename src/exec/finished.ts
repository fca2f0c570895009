import type { Context } from './context.js';
import { CACHE_LEVEL, packAway, packTree, type FrameList } from './frames.js';
import { readTree } from './read-tree.js';
import { storeStage, type StageEntry } from './stages.js';

/** A configured tree. */
export interface FinishedTree extends Pick<StageEntry, 'epoch' | 'inventory'> {
  /** Reads it as a tar, once; throws at the end when it was not whole. */
  readonly openTar: () => AsyncIterable<Buffer>;
  /** Its entry in the cache, when all of it is there. Not beside reading it. */
  readonly saved: () => Promise<StageEntry>;
}

/** A tree that is in the cache. */
export function cachedTree(context: Context, entry: StageEntry): FinishedTree {
  return { ...entry, openTar: () => readTree(context, entry), saved: () => Promise.resolve(entry) };
}

/** Packs a tree and stores it as a stage, while the tree stays where it is. */
export async function packedTree(
  context: Context,
  root: string,
  key: string,
  facts: Omit<StageEntry, keyof FrameList>,
): Promise<FinishedTree> {
  const { packed } = await packTree(context, root, facts.epoch, CACHE_LEVEL);
  const entry: StageEntry = { ...facts, ...(await packed) };
  storeStage(context.settings.cacheDir, key, entry);
  return cachedTree(context, entry);
}

/** As `packedTree`, for disks: they are made while the tree is packed, and find the memory that it took. */
export function passingTree(
  context: Context,
  root: string,
  key: string,
  facts: Omit<StageEntry, keyof FrameList>,
): FinishedTree {
  const { tar, finish } = packAway(context, root, facts.epoch, CACHE_LEVEL);
  let saved: Promise<StageEntry> | undefined;
  const save = async (): Promise<StageEntry> => {
    const entry: StageEntry = { ...facts, ...(await finish()) };
    storeStage(context.settings.cacheDir, key, entry);
    return entry;
  };
  return { ...facts, openTar: tar, saved: () => (saved ??= save()) };
}
