import type { Command } from 'commander';
import { complete, formatCompletion } from './candidates.js';
import { print } from './common.js';
import { createProgram } from './program.js';

/** The hidden verb that the completion scripts ask. It never fails: a shell has no use for an error. */
export function register(program: Command): void {
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const model = await createProgram(words);
      const none = () => Promise.resolve([]);
      const completion = await complete(model, words, { profiles: none, options: none });
      print(formatCompletion(completion));
    });
}
