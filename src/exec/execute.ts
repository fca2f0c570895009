import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, EXIT, UserError } from '../errors.js';
import { buildProfile } from './build.js';
import { giveToOwnerOf } from './context.js';
import type { BuildEvent, BuildFailure, BuildRequest, BuildResult } from './types.js';

/**
 * Does what a request asks, in the builder. A profile that fails does not stop the others.
 *
 * @returns the exit code: that of the first failure, or 0.
 */
export async function execute(
  request: BuildRequest,
  emit: (event: BuildEvent) => void,
  signal: AbortSignal,
): Promise<number> {
  const { settings } = request;
  mkdirSync(settings.cacheDir, { recursive: true });
  const release = await holdCache(settings.cacheDir);
  let exit = 0;
  try {
    for (const build of request.builds) {
      try {
        const result: BuildResult = await buildProfile(build, settings, emit, signal);
        emit({ type: 'result', result });
      } catch (error) {
        signal.throwIfAborted();
        const failure = describe(build.plan.profile, error);
        emit({ type: 'error', error: failure });
        exit ||= failure.exitCode;
      }
    }
    return exit;
  } finally {
    release();
  }
}

/**
 * Tells `cache prune` that entries are in use, by a shared lock that ends with this process. Waits for a prune that is at
 * work: the holder speaks when it has the lock.
 */
async function holdCache(cacheDir: string): Promise<() => void> {
  const lock = join(cacheDir, 'lock');
  const holder = spawn('flock', ['--shared', lock, 'sh', '-c', 'echo; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')]);
  giveToOwnerOf(cacheDir, lock);
  return () => holder.stdin.end();
}

function describe(profile: string, error: unknown): BuildFailure {
  if (error instanceof UserError) {
    return {
      profile,
      exitCode: error.exitCode,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
  if (error instanceof CommandError) {
    return {
      profile,
      exitCode: error.exitCode,
      message: error.message,
      tail: error.tail,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    };
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { profile, exitCode: EXIT.bug, message: text };
}
