import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command, Option } from 'commander';
import { collect, PROGRAM_DIR } from './common.js';
import { VERBS } from './verbs.js';

const EXAMPLES = `
Examples:
  imgbuild list                         what there is to build
  imgbuild build deb12-amd64-lxc        build it; the image is below ./obj
  imgbuild plan deb12-amd64-lxc         what that would do, without doing it
  imgbuild options login                the options whose name begins with login
  imgbuild doctor                       what this machine lacks, and how to get it

Exit codes: 0 done, 2 usage or profile wrong, 3 environment, 4 archive or network, 5 a build step failed,
6 lock file drift, 7 findings, 70 a bug, 130 and 143 interrupted. More in docs/.`;

/**
 * The command line for these arguments. Only the verb that they name is loaded with its options: loading all
 * of them would take longer than most verbs take to run. The others are known by name and summary.
 */
export async function createProgram(args: readonly string[]): Promise<Command> {
  const program = baseProgram();
  const wanted = verbOf(program, args);
  for (const verb of VERBS) {
    if (verb.name === wanted) {
      (await verb.load()).register(program);
    } else {
      program.command(verb.name, { hidden: verb.hidden ?? false });
    }
    program.commands.at(-1)?.summary(verb.summary).helpGroup(verb.group);
  }
  return program;
}

function baseProgram(): Command {
  return (
    new Command('imgbuild')
      .description(
        'Turns a profile into a deployable Debian image: one file that says what, one command that makes it.',
      )
      .usage('[options] VERB …')
      .version(version(), '-V, --version', 'print the version')
      .helpOption('-h, --help', 'this help; after a verb, the help of that verb')
      .addHelpCommand(
        new Command('help').argument('[verb]').description('help of a verb').helpOption(false).helpGroup('Care:'),
      )
      .addOption(
        new Option('--log-format <format>', 'log as text, or as one JSON document a line')
          .choices(['text', 'json'])
          .default('text'),
      )
      .option('-v, --verbose', 'say more: what is run, why a stage is built again')
      .option('-q, --quiet', 'say only what went wrong')
      .option('--no-color', 'no colours on the terminal (NO_COLOR does the same)')
      .option('--profile-dir <dir>', 'look for profiles here, too (repeatable)', collect)
      .option('--collection-dir <dir>', 'look for collections here, too (repeatable)', collect)
      .addHelpText('after', EXAMPLES)
      .configureHelp({ showGlobalOptions: true })
      // What is wrong is said by the command line, in one form for all errors.
      .configureOutput({ outputError: () => undefined })
      .exitOverride()
  );
}

function version(): string {
  const text = readFileSync(path.join(PROGRAM_DIR, 'package.json'), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** The verb that the arguments name, also as `help VERB`; undefined when there is none. */
export function verbOf(program: Command, args: readonly string[]): string | undefined {
  const operands: string[] = [];
  for (let n = 0; n < args.length && operands.length < 2; n += 1) {
    const word = args[n] ?? '';
    if (word === '--') break;
    if (!word.startsWith('-')) operands.push(word);
    else if (!word.includes('=') && takesValue(program, word)) n += 1;
  }
  return operands[0] === 'help' ? operands[1] : operands[0];
}

function takesValue(program: Command, flag: string): boolean {
  return program.options.some((option) => option.required && (option.long === flag || option.short === flag));
}
