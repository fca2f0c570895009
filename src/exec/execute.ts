import { mkdirSync, statfsSync } from 'node:fs';
import { cpus } from 'node:os';
import { EXIT } from '../errors.js';
import { describeError } from '../report.js';
import { buildProfile } from './build.js';
import { useCache } from './in-use.js';
import { mapLimit } from './parallel.js';
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
  const release = await useCache(settings);
  let exit = 0;
  try {
    let left = request.builds.length;
    await mapLimit(request.builds, concurrency(settings.workDir), async (build) => {
      try {
        const last = (left -= 1) === 0;
        const result: BuildResult = await buildProfile(build, settings, emit, signal, last);
        emit({ type: 'result', result });
      } catch (error) {
        signal.throwIfAborted();
        const failure = describe(build.plan.profile, error);
        emit({ type: 'error', error: failure });
        exit ||= failure.exitCode;
      }
    });
    return exit;
  } finally {
    release();
  }
}

/** Room in the work directory that one build of a machine may take: its tree, its disk, and what is still to be compressed. */
const ROOM = 3 * 2 ** 30;

/** How many builds run at once: as many as there are cores, and as fit into the work directory. */
function concurrency(workDir: string): number {
  const { bavail, bsize } = statfsSync(workDir);
  return Math.max(1, Math.min(cpus().length, Math.floor((bavail * bsize) / ROOM)));
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
