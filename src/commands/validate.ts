import type { Command } from 'commander';
import { listCollections, listProfiles, loadProfile, validateCollection } from '../config/load.js';
import { ConfigError, EXIT, UserError, type Problem } from '../errors.js';
import { contextOf, finishWith, print, printJson } from './common.js';
import { addPlanOptions, projectOf, type PlanOptions } from './request.js';

interface ValidateOptions extends PlanOptions {
  readonly all?: true;
  readonly json?: true;
}

/** What was looked at, and what is wrong with it. */
interface Finding {
  readonly kind: 'profile' | 'collection';
  readonly name: string;
  readonly problems: readonly Problem[];
}

/** `imgbuild validate`. */
export function register(program: Command): void {
  addPlanOptions(program.command('validate'))
    .summary('check profiles and collections')
    .description(
      'Checks profiles and everything that they are made of: keys, names, types and values of options, packages, hooks. ' +
        'All problems of all files are told at once, each with its place. Nothing is built.',
    )
    .argument('[profile...]', 'names or paths of profiles')
    .option('--all', 'all profiles, and all collections, also those that no profile uses')
    .option('--json', 'as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  imgbuild validate deb12-amd64-lxc
  imgbuild validate profiles/web1.yaml --set login.user=bob
  imgbuild validate --all`,
    )
    .action(async (profiles: string[], options: ValidateOptions, command: Command) => {
      if (profiles.length === 0 && options.all !== true) {
        throw new UserError('there is nothing to check', { hint: 'name profiles, or say --all' });
      }
      const project = projectOf(await contextOf(command));
      const files = options.all === true ? listProfiles(project).map(({ file }) => file) : [];
      const collections = options.all === true ? listCollections(project).map(({ name }) => name) : [];
      report(
        [
          ...[...profiles, ...files].map((name): Finding => {
            return {
              kind: 'profile',
              name,
              problems: problemsOf(() => loadProfile(project, name, options.set, options.format)),
            };
          }),
          ...collections.map((name): Finding => {
            return { kind: 'collection', name, problems: validateCollection(project, name) };
          }),
        ],
        options.json === true,
      );
    });
}

function problemsOf(load: () => unknown): readonly Problem[] {
  try {
    load();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

function report(findings: readonly Finding[], json: boolean): void {
  if (json) {
    printJson(findings);
    if (findings.some(({ problems }) => problems.length > 0)) finishWith(EXIT.usage);
    return;
  }
  for (const { kind, name, problems } of findings) if (problems.length === 0) print(`${kind} ${name}: good`);
  // Profiles share collections, so the same problem may have been found many times.
  const unique = new Map(findings.flatMap(({ problems }) => problems).map((found) => [JSON.stringify(found), found]));
  if (unique.size > 0) throw new ConfigError([...unique.values()]);
}
