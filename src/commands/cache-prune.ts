/** Something in the cache that can be removed by itself. Pure data; cache-scan.ts reads it from disk. */
export interface CacheFile {
  /** Relative to the cache directory. */
  readonly path: string;
  readonly bytes: number;
  /** Seconds since the epoch: when it was last used. */
  readonly used: number;
  /** A small file that is removed with it, before it. */
  readonly record?: string;
}

/** A finished stage: an index of the compressed pieces that make up its root filesystem. */
export interface CacheStage extends CacheFile {
  readonly key: string;
  readonly stage: string;
  readonly profile: string;
  readonly created: number;
  readonly frames: readonly string[];
}

/** A piece of a root filesystem, shared by all stages that name it. */
export interface CacheFrame extends CacheFile {
  readonly name: string;
}

export interface CacheContent {
  readonly stages: readonly CacheStage[];
  readonly frames: readonly CacheFrame[];
  /** Downloaded packages; each may be two files. */
  readonly debs: readonly CacheFile[];
  /** States of archives, and what is remembered of earlier builds. */
  readonly others: readonly CacheFile[];
  /** Embedded builders; `imgbuild builder` removes them, as they were made: under another lock, by other users' ids. */
  readonly builders: readonly CacheFile[];
  /** What a build left that did not end well: partial files, work directories. */
  readonly leftovers: readonly CacheFile[];
}

export interface PruneRequest {
  readonly all: boolean;
  /** Seconds. */
  readonly olderThan?: number;
  readonly maxSize?: number;
  /** Seconds since the epoch. */
  readonly now: number;
  /** True when no build runs and none can start until the pruning is done. */
  readonly alone: boolean;
}

export interface PrunePlan {
  /** Indexes come before the pieces that they name, so that a crash in between leaves no index without its pieces. */
  readonly remove: readonly CacheFile[];
  /** Pieces and packages that would go, were there no build that may be reading them. */
  readonly postponed: number;
}

/** What was used within this many seconds may be in the hands of a build, even of one that holds no lock. */
export const GRACE = 3600;

/**
 * Chooses what to remove: always what no stage needs and what dead builds left, then by age or least recent use what
 * was asked for. While a build runs it keeps everything that the build might read: all pieces, packages and
 * directories, and young indexes.
 */
export function planPrune(content: CacheContent, request: PruneRequest): PrunePlan {
  const stages = new Set(chooseStages(content, request));
  const young = new Set(unnamedFrames(content, new Set()).filter((frame) => !request.all && isYoung(frame, request)));
  const frames = unnamedFrames(content, stages).filter((frame) => !young.has(frame));
  const leftovers = content.leftovers.filter((file) => request.all || !isYoung(file, request));
  const debs = chooseByAge(content.debs, request);
  const others = chooseByAge(content.others, request);
  const wanted: CacheFile[] = [...stages, ...leftovers, ...frames, ...debs, ...others];
  if (request.maxSize !== undefined) {
    const left = totalBytes(content) - sum(wanted);
    wanted.push(...shrink([...content.debs, ...content.others], wanted, left - request.maxSize));
  }
  if (request.alone) return { remove: wanted, postponed: 0 };
  const shared = new Set<CacheFile>([...content.frames, ...content.debs, ...content.others]);
  const remove = wanted.filter((file) => !shared.has(file) && !isYoung(file, request));
  return { remove, postponed: wanted.length - remove.length };
}

function isYoung(file: CacheFile, request: PruneRequest): boolean {
  return request.now - file.used <= GRACE;
}

function chooseStages(content: CacheContent, request: PruneRequest): CacheStage[] {
  const byAge = chooseByAge(content.stages, request);
  if (request.maxSize === undefined) return byAge;
  // Least recently used first, until what is left, with the pieces that only the removed ones named, fits.
  const chosen = new Set(byAge);
  for (const stage of leastRecentFirst(content.stages)) {
    const freed = sum([...chosen]) + sum(unnamedFrames(content, chosen)) + sum(content.leftovers);
    if (totalBytes(content) - freed <= request.maxSize) break;
    chosen.add(stage);
  }
  return [...chosen];
}

function unnamedFrames(content: CacheContent, removed: ReadonlySet<CacheStage>): CacheFrame[] {
  const named = new Set(content.stages.filter((stage) => !removed.has(stage)).flatMap((stage) => stage.frames));
  return content.frames.filter((frame) => !named.has(frame.name));
}

function chooseByAge<T extends CacheFile>(files: readonly T[], request: PruneRequest): T[] {
  if (request.all) return [...files];
  const { olderThan } = request;
  return olderThan === undefined ? [] : files.filter((file) => request.now - file.used > olderThan);
}

function shrink(files: readonly CacheFile[], taken: readonly CacheFile[], excess: number): CacheFile[] {
  const already = new Set(taken);
  const chosen: CacheFile[] = [];
  let left = excess;
  for (const file of leastRecentFirst(files)) {
    if (left <= 0) break;
    if (already.has(file)) continue;
    chosen.push(file);
    left -= file.bytes;
  }
  return chosen;
}

function leastRecentFirst<T extends CacheFile>(files: readonly T[]): T[] {
  return [...files].sort((a, b) => a.used - b.used || (a.path < b.path ? -1 : 1));
}

function sum(files: readonly CacheFile[]): number {
  return files.reduce((bytes, file) => bytes + file.bytes, 0);
}

/** What the whole cache takes on disk. */
export function totalBytes(content: CacheContent): number {
  return Object.values(sizesByKind(content)).reduce((bytes, size) => bytes + size, 0);
}

/** What each kind takes on disk. */
export function sizesByKind(content: CacheContent): Readonly<Record<keyof CacheContent, number>> {
  return {
    stages: sum(content.stages),
    frames: sum(content.frames),
    debs: sum(content.debs),
    others: sum(content.others),
    builders: sum(content.builders),
    leftovers: sum(content.leftovers),
  };
}
