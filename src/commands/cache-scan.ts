import { lstat, readFile, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from '../log.js';
import type { CacheContent, CacheFile, CacheFrame, CacheStage } from './cache-prune.js';

/** Directories whose entries are whole things: made again when missing, removed as a whole. */
const WHOLES = ['apt', 'inputs', 'locks', 'logs', 'memo', 'outputs'];

/** Files beside the directories: what is remembered of profiles, and the key of the tags that secrets have. */
const SINGLES = ['config.json', 'secret.key'];

/**
 * Reads what the cache holds. Symbolic links are never followed: nothing in a cache is a link, so a link is
 * somebody's idea of leading a removal elsewhere.
 */
export async function scanCache(cacheDir: string): Promise<CacheContent> {
  const frames = await filesBelow(cacheDir, 'frames');
  const stages = await filesBelow(cacheDir, 'stages');
  const debs = await filesBelow(cacheDir, 'debs');
  const wholes = await Promise.all(WHOLES.map((kind) => entriesOf(cacheDir, kind)));
  const singles = await Promise.all(SINGLES.map((file) => measured(cacheDir, file)));
  const read = await Promise.all(stages.filter((file) => !isPartial(file)).map((file) => readStage(cacheDir, file)));
  return {
    stages: read.filter((stage) => stage !== undefined),
    frames: frames
      .filter((file) => !isPartial(file))
      .map((file): CacheFrame => ({ ...file, name: path.basename(file.path) })),
    debs: pairs(debs.filter((file) => !isPartial(file))),
    others: [...wholes.flat(), ...singles.flat()],
    builders: await entriesOf(cacheDir, 'builder'),
    leftovers: [...[...frames, ...stages, ...debs].filter(isPartial), ...(await entriesOf(cacheDir, 'work'))],
  };
}

/** A package and the record of its digest are of use only together. */
function pairs(files: readonly CacheFile[]): CacheFile[] {
  const byPackage = new Map<string, CacheFile>();
  for (const file of files) {
    const name = file.path.replace(/\.json$/, '');
    const other = byPackage.get(name);
    byPackage.set(name, {
      path: name,
      bytes: file.bytes + (other?.bytes ?? 0),
      used: Math.max(file.used, other?.used ?? 0),
      record: `${name}.json`,
    });
  }
  return [...byPackage.values()];
}

function isPartial(file: CacheFile): boolean {
  return /\.(partial|tmp)$/.test(file.path);
}

/** An index that cannot be read is of no use to a build either: it counts as one that was never used. */
async function readStage(cacheDir: string, file: CacheFile): Promise<CacheStage | undefined> {
  if (!file.path.endsWith('.json')) return undefined;
  const key = path.basename(file.path, '.json');
  const unreadable = { ...file, used: 0, key, stage: '?', profile: '?', created: 0, frames: [] };
  try {
    const data: unknown = JSON.parse(await readFile(path.join(cacheDir, file.path), 'utf8'));
    if (typeof data !== 'object' || data === null) return unreadable;
    const entry = data as Readonly<Record<string, unknown>>;
    return {
      ...file,
      key,
      stage: text(entry['stage']),
      profile: text(entry['profile']),
      created: await birth(path.join(cacheDir, file.path)),
      frames: Array.isArray(entry['frames']) ? entry['frames'].filter((name) => typeof name === 'string') : [],
    };
  } catch (error) {
    if (error instanceof SyntaxError) return unreadable;
    if (isGone(error)) return undefined;
    throw error;
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '?';
}

async function birth(file: string): Promise<number> {
  return Math.floor((await lstat(file)).birthtimeMs / 1000);
}

/** All regular files below a directory of the cache, at any depth. */
async function filesBelow(cacheDir: string, directory: string): Promise<CacheFile[]> {
  const found: CacheFile[] = [];
  for (const entry of await listing(path.join(cacheDir, directory))) {
    const relative = path.join(directory, entry.name);
    if (entry.isDirectory()) found.push(...(await filesBelow(cacheDir, relative)));
    else if (entry.isFile()) found.push(...(await measured(cacheDir, relative)));
  }
  return found;
}

/** The entries of a directory of the cache, each with all that is below it as one thing. */
async function entriesOf(cacheDir: string, directory: string): Promise<CacheFile[]> {
  const found: CacheFile[] = [];
  for (const entry of await listing(path.join(cacheDir, directory))) {
    const relative = path.join(directory, entry.name);
    const own = await measured(cacheDir, relative);
    const below = entry.isDirectory() ? await filesBelow(cacheDir, relative) : [];
    for (const file of own) {
      found.push({
        path: relative,
        bytes: below.reduce((bytes, { bytes: more }) => bytes + more, file.bytes),
        used: Math.max(file.used, ...below.slice(0, 1000).map(({ used }) => used)),
      });
    }
  }
  return found;
}

async function listing(directory: string) {
  try {
    if (!(await lstat(directory)).isDirectory()) return [];
    return (await readdir(directory, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

async function measured(cacheDir: string, relative: string): Promise<CacheFile[]> {
  try {
    const stat = await lstat(path.join(cacheDir, relative));
    // Blocks, not length: what removing it gives back. Builds touch what they use; times of access would be ours, too.
    return [{ path: relative, bytes: stat.blocks * 512, used: Math.floor(stat.mtimeMs / 1000) }];
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Builds write and remove while we look. */
function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/**
 * Removes things of the cache; a link is removed itself, never what it points to.
 *
 * @returns what this user may not remove: work directories of a builder that was killed, whose files belong to its ids.
 */
export async function removeFromCache(cacheDir: string, files: readonly CacheFile[]): Promise<CacheFile[]> {
  const root = path.resolve(cacheDir);
  const kept: CacheFile[] = [];
  for (const file of files) {
    for (const relative of file.record === undefined ? [file.path] : [file.record, file.path]) {
      const target = path.resolve(root, relative);
      if (!target.startsWith(`${root}${path.sep}`)) throw new Error(`outside the cache: ${relative}`);
      if (!(await removed(target))) kept.push(file);
    }
  }
  return kept;
}

async function removed(target: string): Promise<boolean> {
  try {
    await rm(target, { recursive: true, force: true });
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['EACCES', 'EPERM'].includes(String(error.code))) return false;
    throw error;
  }
}

/** Says of what was not this user's to remove what will become of it. */
export function warnOfKept(log: Logger, kept: readonly CacheFile[]): void {
  const names = kept.map((file) => file.path).join(', ');
  if (kept.length > 0) log.warn(`not yours to remove: ${names}; the next build with the engine that made them does`);
}
