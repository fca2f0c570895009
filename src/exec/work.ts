import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Context } from './context.js';
import { explainFullDisk, keepLog, reportLog } from './failure.js';
import { isTmpfs } from './workplace.js';

/** What is to be done in a work directory of its own. */
export interface WorkJob extends Pick<Context, 'profile' | 'roots' | 'settings' | 'emit' | 'signal'> {
  /** No build follows: a work directory in memory is then left to the kernel, which is quicker with it. */
  readonly last: boolean;
}

/**
 * Gives a build a private directory and a log.
 *
 * @throws UserError, CommandError; nothing but the log of a failed build is left outside of the cache.
 */
export async function inWorkDirectory<T>(job: WorkJob, action: (context: Context) => Promise<T>): Promise<T> {
  const { profile, roots, settings, emit, signal, last } = job;
  const work = mkdtempSync(join(settings.workDir, 'build-'));
  const started = performance.now();
  const logFile = join(work, 'build.log');
  const log = createWriteStream(logFile);
  // A full work directory is told by what fails in it, not by its log.
  log.on('error', () => undefined);
  const context: Context = {
    profile,
    settings,
    work,
    roots,
    emit,
    log: (line) => void log.write(`${((performance.now() - started) / 1000).toFixed(2).padStart(7)} ${line}\n`),
    signal,
    sound: new Set(),
  };
  try {
    const result = await action(context);
    // The log of a build that went well is for who wants to know where the time went.
    const logs = join(settings.cacheDir, 'logs');
    mkdirSync(logs, { recursive: true });
    await new Promise((resolve) => log.end(resolve));
    keepLog(settings.cacheDir, logFile, join(logs, `${profile}.log`));
    return result;
  } catch (error) {
    if (!signal.aborted) {
      await new Promise((resolve) => log.end(resolve));
      reportLog(context, logFile);
    }
    throw explainFullDisk(context, error);
  } finally {
    log.destroy();
    if (!last || !isTmpfs(settings.workDir)) rmSync(work, { recursive: true, force: true, maxRetries: 3 });
  }
}
