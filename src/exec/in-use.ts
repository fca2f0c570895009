import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { giveToOwnerOf } from './context.js';
import { holdLock } from './lock.js';
import { run } from './run.js';
import { isTmpfs } from './workplace.js';

/** A work directory is made some time before its builder has started and locks it. */
const STARTING_SECONDS = 300;

/**
 * Tells others that the cache and a work directory are in use, until the returned function is called: `cache prune` and
 * `clean` leave alone what may be needed, and wait with the rest. Waits for one that is at work.
 */
export async function useCache(places: { readonly cacheDir: string; readonly workDir: string }): Promise<() => void> {
  const lock = join(places.cacheDir, 'lock');
  const releases = [await holdLock(lock, 'shared')];
  giveToOwnerOf(places.cacheDir, lock);
  if (!isTmpfs(places.workDir)) releases.push(await holdLock(places.workDir, 'exclusive'));
  // Beside the build: nothing of it depends on the outcome.
  void removeDeadWork(places.cacheDir).catch(() => undefined);
  return () => {
    for (const release of releases) release();
  };
}

/**
 * Removes work directories on disk whose builders are gone. A builder does so, because what is in them may belong to ids
 * that only a builder has: root's with a rootful engine, subordinate ones with a rootless.
 */
export async function removeDeadWork(cacheDir: string): Promise<void> {
  const works = join(cacheDir, 'work');
  const old = Date.now() - STARTING_SECONDS * 1000;
  for (const name of statSync(works, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(works)) {
    const directory = join(works, name);
    if ((statSync(directory, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) > old) continue;
    // Not when it is locked; and nobody comes in between, for the removal itself has the lock.
    const argv = ['flock', '--exclusive', '--nonblock', directory, 'rm', '-rf', '--one-file-system', '--', directory];
    await run(argv, { doing: 'removing what a dead build left', accept: [0, 1] });
  }
}
