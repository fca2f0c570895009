import { copyFileSync, mkdirSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CommandError, EXIT, UserError } from '../errors.js';
import { giveToOwnerOf, type Context } from './context.js';

/** Copies a build's log out of its work directory, for the owner of `top`. */
export function keepLog(top: string, logFile: string, path: string): void {
  copyFileSync(logFile, path);
  giveToOwnerOf(top, dirname(path), path);
}

/** Keeps the log of a failed build beside the outputs; when that place is what failed, the message has to do. */
export function reportLog(context: Context, logFile: string): void {
  const { outputDir } = context.settings;
  const name = join(context.profile, `${context.profile}_failed.log`);
  try {
    mkdirSync(join(outputDir, context.profile), { recursive: true });
    keepLog(outputDir, logFile, join(outputDir, name));
    context.emit({ type: 'log', level: 'info', text: `the full log is ${name}, in the output directory` });
  } catch (error) {
    context.emit({ type: 'log', level: 'warn', text: `the log could not be kept: ${String(error)}` });
  }
}

/** Below this a filesystem counts as full: tools fail in many ways then, and say so in few. */
const FULL_BYTES = 8 << 20;

/** What tools say of a full file system; the second is cryptsetup's `reencrypt` (lib/luks2/luks2_reencrypt.c). */
const FULL = /No space left on device|Failed to write hotzone area/;

/** Says that a directory is full, when that is why a tool failed. */
export function explainFullDisk(context: Context, error: unknown): unknown {
  // What was found out about the environment stands; apt's own reasons do not when there was no room.
  const known = error instanceof UserError && error.exitCode === EXIT.environment;
  if (known || context.signal.aborted) return error;
  const full = (directory: string): boolean => {
    const stat = statfsSync(directory);
    return stat.bavail * stat.bsize < FULL_BYTES;
  };
  // dpkg removes what it had written of a package before it gives up, so there may be room again.
  const said = error instanceof CommandError && FULL.test(error.tail);
  const cacheFull = full(context.settings.cacheDir);
  if (full(context.settings.workDir) || (said && !cacheFull)) {
    return new UserError('the work directory is full', {
      exitCode: EXIT.environment,
      hint: 'build with --work disk, or with a larger --work-size',
      cause: error,
    });
  }
  if (cacheFull) {
    return new UserError('the cache directory is full', {
      exitCode: EXIT.environment,
      hint: 'make room with `imgbuild cache prune`, or set IMGBUILD_CACHE_DIR to another place',
      cause: error,
    });
  }
  return error;
}
