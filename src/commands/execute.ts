import type { Command } from 'commander';
import { UserError, type ExitCode } from '../errors.js';
import { execute } from '../exec/execute.js';
import type { BuildRequest } from '../exec/types.js';
import { interruption } from '../interrupt.js';
import { finishWith } from './common.js';

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

/** Reads one line; the end of the input, now or later, means that nobody waits for the result any more. */
async function firstLine(onEnd: () => void): Promise<string> {
  return await new Promise((resolve, reject) => {
    let text = '';
    let complete = false;
    process.stdin.setEncoding('utf8');
    process.stdin.on('data', (part: string) => {
      if (complete) return;
      text += part;
      const end = text.indexOf('\n');
      if (end < 0) return;
      complete = true;
      resolve(text.slice(0, end));
    });
    process.stdin.on('end', () => {
      if (complete) onEnd();
      else reject(new UserError('execute is started by the launcher, with a request on standard input'));
    });
  });
}
