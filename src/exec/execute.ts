import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT } from '../errors.js';
import { describeError } from '../report.js';
import { buildProfile } from './build.js';
import { giveToOwnerOf } from './context.js';
import { holdLock } from './lock.js';
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
  // Tells `cache prune` that entries are in use, and waits for one that is at work.
  const lock = join(settings.cacheDir, 'lock');
  const release = await holdLock(lock, 'shared');
  giveToOwnerOf(settings.cacheDir, lock);
  let exit = 0;
  try {
    for (const [index, build] of request.builds.entries()) {
      try {
        const result: BuildResult = await buildProfile(
          build,
          settings,
          emit,
          signal,
          index === request.builds.length - 1,
        );
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

/** An error as the launcher tells it; what the system refused is the environment's fault here as there. */
function describe(profile: string, error: unknown): BuildFailure {
  const { exitCode, message, detail, hint } = describeError(error, false);
  const tail = detail.join('\n');
  const stack = exitCode === EXIT.bug && error instanceof Error ? (error.stack ?? '') : '';
  return {
    profile,
    exitCode,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(tail === '' && stack === '' ? {} : { tail: `${tail}${stack}` }),
  };
}
