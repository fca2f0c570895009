import { createHmac, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf } from '../digest.js';
import type { Input } from '../plan/types.js';
import { giveToOwnerOf, partialName } from './context.js';
import { hasFrames, type FrameList } from './frames.js';
import { readJson } from './json.js';

/** What the cache keeps of a finished stage: <cache>/stages/<key>.json. */
export interface StageEntry extends FrameList {
  readonly stage: string;
  readonly profile: string;
  /** Times in the tree are no later than this. */
  readonly epoch: number;
  /** What is installed; kept with the stage `configure`, for the manifest. */
  readonly inventory?: Inventory;
}

export interface Inventory {
  /** Content of /etc/debian_version. */
  readonly debianVersion: string;
  readonly packages: readonly InstalledPackage[];
}

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
  readonly sourceVersion: string;
}

function entryPath(cacheDir: string, key: string): string {
  return join(cacheDir, 'stages', `${key}.json`);
}

/** The stage's result, when it and all its frames are there. */
export function peekStage(cacheDir: string, key: string): StageEntry | undefined {
  const entry = readJson(entryPath(cacheDir, key)) as StageEntry | undefined;
  return entry !== undefined && hasFrames(cacheDir, entry) ? entry : undefined;
}

/** As `peekStage`, and notes that it was used: `cache prune` removes what was not for longest. */
export function findStage(cacheDir: string, key: string): StageEntry | undefined {
  const entry = peekStage(cacheDir, key);
  const now = new Date();
  try {
    if (entry !== undefined) utimesSync(entryPath(cacheDir, key), now, now);
  } catch (error) {
    // A prune may have been quicker; then it is a miss.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return entry;
}

/** Keys of the entries that begin with some characters. */
export function stageKeysFrom(cacheDir: string, start: string): string[] {
  const directory = join(cacheDir, 'stages');
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.startsWith(start) && name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length));
}

export function storeStage(cacheDir: string, key: string, entry: StageEntry): void {
  writeAtomically(cacheDir, entryPath(cacheDir, key), JSON.stringify(entry));
}

/** Writes a file of the cache so that a reader sees the whole of it or nothing. */
export function writeAtomically(cacheDir: string, path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  const partial = partialName(path);
  writeFileSync(partial, text, { mode });
  giveToOwnerOf(cacheDir, dirname(path), partial);
  renameSync(partial, path);
}

/**
 * A tag that changes when a secret changes, and that tells nobody anything: keyed with random bytes that never leave the
 * cache. Digests and plans know only whether a secret is given.
 */
export function secretsTag(cacheDir: string, secrets: Readonly<Record<string, string>>): string {
  if (Object.keys(secrets).length === 0) return '';
  const path = join(cacheDir, 'secret.key');
  if (!existsSync(path)) writeAtomically(cacheDir, path, randomBytes(32).toString('hex'), 0o600);
  // `cache prune` chooses by the time of the last use.
  const now = new Date();
  utimesSync(path, now, now);
  return createHmac('sha256', readFileSync(path, 'utf8')).update(digestOf(secrets)).digest('hex');
}

/** The inputs of a profile's last build, for saying why a stage is not in the cache. */
export type LastInputs = Readonly<Record<string, readonly Input[]>>;

function lastInputsPath(cacheDir: string, profile: string): string {
  return join(cacheDir, 'inputs', `${profile}.json`);
}

export function rememberInputs(cacheDir: string, profile: string, inputs: LastInputs): void {
  writeAtomically(cacheDir, lastInputsPath(cacheDir, profile), JSON.stringify(inputs));
}

export function lastInputs(cacheDir: string, profile: string): LastInputs | undefined {
  return readJson(lastInputsPath(cacheDir, profile)) as LastInputs | undefined;
}

/** Names of the inputs that differ; `first` is the stage that no other comes before. */
export function whyMissed(inputs: readonly Input[], before: readonly Input[] | undefined, first: boolean): string {
  if (before === undefined) return 'first build of this profile';
  const old = new Map(before.map((input) => [input.name, input.digest]));
  const changed = inputs
    .filter((input) => old.get(input.name) !== input.digest)
    .map((input) => `${input.name} changed`);
  const names = new Set(inputs.map((input) => input.name));
  const gone = before.filter((input) => !names.has(input.name)).map((input) => `${input.name} is gone`);
  const all = [...changed, ...gone];
  if (all.length === 0) {
    const cause = first ? 'the archive or the builder changed' : 'a stage before it was built again';
    return `${cause}, or the cache was pruned`;
  }
  return all.length > 4 ? `${all.slice(0, 4).join(', ')} and ${String(all.length - 4)} more` : all.join(', ');
}
