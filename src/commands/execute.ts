import type { Command } from 'commander';
import { UserError, type ExitCode } from '../errors.js';
import { execute } from '../exec/execute.js';
import type { BuildRequest } from '../exec/types.js';
import { interruption } from '../interrupt.js';
import { finishWith } from './common.js';
import { firstLine } from './first-line.js';

/** The builder's side of a launch: one request on standard input, events on standard output. */
export function register(program: Command): void {
  program
    .command('execute', { hidden: true })
    .description('Do what a launcher asks on standard input.')
    .action(async () => {
      const gone = new AbortController();
      const signal = AbortSignal.any([interruption(), gone.signal]);
      const line = await firstLine(() => {
        gone.abort(new UserError('the launcher is gone'));
      });
      const request = JSON.parse(line) as BuildRequest;
      const exit = await execute(request, (event) => process.stdout.write(`${JSON.stringify(event)}\n`), signal);
      finishWith(exit as ExitCode);
      process.stdin.destroy();
    });
}
