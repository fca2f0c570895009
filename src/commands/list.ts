import { Argument, type Command } from 'commander';
import { listCollections, listProfiles, type Project } from '../config/load.js';
import { FORMATS } from '../output/table.js';
import { contextOf, print, printJson, table } from './common.js';
import { projectOf } from './request.js';

const KINDS = ['profiles', 'collections', 'formats'] as const;

/** `imgbuild list`. */
export function register(program: Command): void {
  program
    .command('list')
    .summary('list profiles, collections or formats')
    .description('Lists what there is: profiles to build, collections to make profiles of, or formats of outputs.')
    .addArgument(new Argument('[kind]', 'what to list').choices(KINDS).default('profiles'))
    .option('--json', 'as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  imgbuild list
  imgbuild list collections
  imgbuild list formats
  imgbuild list profiles --json | jq -r '.[].name'`,
    )
    .action(async (kind: (typeof KINDS)[number], options: { json?: true }, command: Command) => {
      const project = projectOf(await contextOf(command));
      if (options.json === true) printJson(LISTS[kind](project));
      else if (kind === 'profiles') printProfiles(project);
      else if (kind === 'collections') printCollections(project);
      else printFormats();
    });
}

const LISTS: Readonly<Record<(typeof KINDS)[number], (project: Project) => unknown>> = {
  profiles: listProfiles,
  collections: listCollections,
  formats: () => Object.values(FORMATS),
};

function printProfiles(project: Project): void {
  const rows = listProfiles(project).map((profile) => {
    const { name, suite, architecture, file, description } = profile;
    return [name, suite, architecture, file, description];
  });
  print(table([['PROFILE', 'SUITE', 'ARCH', 'FILE', 'DESCRIPTION'], ...rows]));
}

function printCollections(project: Project): void {
  const rows = listCollections(project).map(({ name, bundle, requires, description }) => {
    return [name, bundle ? 'bundle' : '', requires.join(' '), description];
  });
  print(table([['COLLECTION', '', 'REQUIRES', 'DESCRIPTION'], ...rows]));
}

function printFormats(): void {
  const rows = Object.values(FORMATS).map(({ name, source, summary, options }) => [
    name,
    source,
    options.length > 3 ? `${options[0]?.split('.')[0] ?? ''}.*` : options.join(' '),
    summary,
  ]);
  print(table([['FORMAT', 'MADE FROM', 'OPTIONS', 'WHAT IT IS'], ...rows]));
}
