import type { Command } from 'commander';
import { complete, formatCompletion, type Names } from './candidates.js';
import { cacheDirectory, print, PROGRAM_DIR } from './common.js';
import { createProgram } from './program.js';

/** The hidden verb that the completion scripts ask. It never fails: a shell has no use for an error. */
export function register(program: Command): void {
  program
    .command('__complete', { hidden: true })
    .argument('[words...]')
    .action(async (words: string[]) => {
      const model = await createProgram(words);
      print(formatCompletion(await complete(model, words, namesOf(model, words))));
    });
}

/** Names from the user's files; none where these cannot be read. */
function namesOf(model: Command, words: readonly string[]): Names {
  const open = async () => {
    const config = await import('../config/load.js');
    // Directories that were given on the line so far.
    model.parseOptions([...words.slice(0, -1)]);
    const { profileDir = [], collectionDir = [] } = model.opts<{ profileDir?: string[]; collectionDir?: string[] }>();
    const dirs = {
      programDir: PROGRAM_DIR,
      profileDirs: profileDir,
      collectionDirs: collectionDir,
      cacheDir: cacheDirectory(),
    };
    return { config, project: config.loadProject(dirs) };
  };
  const orNone = <T>(names: Promise<T[]>): Promise<T[]> => names.catch(() => []);
  return {
    profiles: () =>
      orNone(
        open().then(({ config, project }) =>
          config.listProfiles(project).map(({ name, description }) => ({ value: name, help: description })),
        ),
      ),
    options: () =>
      orNone(
        open().then(({ config, project }) =>
          config.describeOptions(project).map(({ name, declaration }) => ({ value: name, help: declaration.help })),
        ),
      ),
  };
}
