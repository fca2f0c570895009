import { accessSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { EXIT, UserError, type ExitCode } from '../errors.js';
import type { BuildEvent, BuildResult } from '../exec/types.js';
import { resultText, type Follower } from '../progress.js';
import { formatReport } from '../report.js';
import type { Verified } from './build-verify.js';
import { print, printJson, type Context } from './common.js';

/** Collects results and failures while the events are shown; `finish` tells them. */
export function collectEvents(context: Context, follower: Follower) {
  const results: BuildResult[] = [];
  const failures: Extract<BuildEvent, { type: 'error' }>['error'][] = [];
  const onEvent = (event: BuildEvent): void => {
    if (event.type === 'result') results.push(event.result);
    if (event.type === 'error') failures.push(event.error);
    follower.event(event);
  };
  const finish = (outputDir: string, json: boolean, verified: Verified | undefined): void => {
    follower.close();
    for (const failure of failures) {
      const report = {
        exitCode: failure.exitCode as ExitCode,
        message: `${failure.profile}: ${failure.message}`,
        detail: failure.tail === undefined || failure.tail === '' ? [] : failure.tail.split('\n'),
        ...(failure.hint === undefined ? {} : { hint: failure.hint }),
      };
      if (context.logFormat === 'json') context.log.error(report.message, { failure });
      else for (const line of formatReport(report)) context.screen.line(line);
    }
    if (json)
      printJson({
        outputDir,
        results,
        failures,
        ...(verified === undefined ? {} : { verification: verified.verification }),
      });
    else for (const result of results) print(resultText(result, outputDir));
    verified?.tell(json);
  };
  return { onEvent, finish, failures, results };
}

/** Makes a directory as the caller, so that what the builder puts there can be given to its owner. */
export function ensureDirectory(directory: string, what: string, how: string): string {
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.W_OK);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const reason =
      code === 'EROFS'
        ? 'is on a read-only filesystem'
        : code === 'EACCES'
          ? 'may not be written to'
          : existsSync(directory) && !statSync(directory).isDirectory()
            ? 'is not a directory'
            : `cannot be made (${code})`;
    throw new UserError(`the ${what} directory ${path.resolve(directory)} ${reason}`, {
      exitCode: EXIT.environment,
      hint: `choose another with ${how}`,
      cause: error,
    });
  }
  return directory;
}
