import type { Argument, Command, Option } from 'commander';
import { ENVIRONMENT } from './environment.js';
import { createProgram } from './program.js';
import { VERBS } from './verbs.js';

/** The command line as its references tell it. */
export interface Reference {
  readonly program: Command;
  /** All commands that users see, in the order of the help; those of a group of commands follow it. */
  readonly commands: readonly Entry[];
}

/** A command with its whole name, `imgbuild cache prune`, and the examples of its help. */
interface Entry {
  readonly name: string;
  readonly command: Command;
  readonly examples: readonly string[];
}

/** Loads every verb that users see, as the command line itself declares it. */
export async function readReference(): Promise<Reference> {
  const commands: Entry[] = [];
  for (const verb of VERBS.filter(({ hidden }) => hidden !== true)) {
    const loaded = await createProgram([verb.name]);
    const command = loaded.commands.find((candidate) => candidate.name() === verb.name);
    if (command !== undefined) commands.push(...entries(command, 'imgbuild'));
  }
  return { program: await createProgram([]), commands };
}

function entries(command: Command, above: string): Entry[] {
  const name = `${above} ${command.name()}`;
  const below = command.commands.filter((sub) => sub.name() !== 'help').flatMap((sub) => entries(sub, name));
  return [{ name, command, examples: examplesOf(command) }, ...below];
}

/** Commander keeps what follows the help to itself, so it is what the help has more than its own part. */
function examplesOf(command: Command): string[] {
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  const rest = help.slice(command.helpInformation().length).split('\n');
  return rest.filter((line) => line.startsWith('  ')).map((line) => line.slice(2));
}

/** The call of a command without its name: `[options] <profile...>`. */
export function synopsis({ name, command }: Entry): string {
  return `${name} ${command.usage()}`.trimEnd();
}

/** What an argument is, or what it may be; '' when its name says all. */
export function argumentText({ description, argChoices, defaultValue }: Argument): string {
  return withNotes(description, argChoices, defaultValue);
}

/** What an option does, what it may be, and its default. */
export function optionText(option: Option): string {
  // That a switch is off, or on until --no-… turns it off, is no news.
  const value: unknown = typeof option.defaultValue === 'boolean' ? undefined : option.defaultValue;
  return withNotes(option.description, option.argChoices, option.defaultValueDescription ?? value);
}

function withNotes(description: string, choices: readonly string[] | undefined, value: unknown): string {
  const notes = [
    ...(choices === undefined ? [] : [`one of ${choices.join(', ')}`]),
    ...(value === undefined ? [] : [`default: ${JSON.stringify(value).replaceAll('"', '')}`]),
  ];
  return notes.length === 0 ? description : `${description} (${notes.join('; ')})`;
}

/** The options of a command that its help shows. */
export function optionsOf(command: Command): readonly Option[] {
  return command.options.filter((option) => !option.hidden);
}

/** The reference of the command line as a Markdown page. */
export function referencePage({ program, commands }: Reference): string {
  return [
    '# Commands',
    '',
    '<!-- Written by `imgbuild generate` from the command line itself. Do not edit. -->',
    '',
    'Every command with its arguments and options. `imgbuild help COMMAND` shows the same on the terminal, and the manual page',
    '[imgbuild.1](imgbuild.1) has it, too. How commands end is told in [exit-codes.md](exit-codes.md).',
    '',
    '## Options of all commands',
    '',
    ...optionsTable(program),
    '',
    ...commands.flatMap(section),
    '## Environment',
    '',
    '| variable | |',
    '| --- | --- |',
    ...Object.entries(ENVIRONMENT).map(([name, meaning]) => `| \`${name}\` | ${cell(meaning)} |`),
    '',
  ].join('\n');
}

function section(entry: Entry): string[] {
  const { name, command, examples } = entry;
  const given = command.registeredArguments;
  return [
    `## ${name}`,
    '',
    `\`${synopsis(entry)}\``,
    '',
    cell(command.description()),
    '',
    ...(given.length === 0 ? [] : ['| argument | |', '| --- | --- |']),
    ...given.map((argument) => `| \`${argument.name()}\` | ${cell(argumentText(argument))} |`),
    ...(given.length === 0 ? [] : ['']),
    ...(optionsOf(command).length === 0 ? [] : [...optionsTable(command), '']),
    ...(examples.length === 0 ? [] : ['```sh', ...examples, '```', '']),
  ];
}

function optionsTable(command: Command): string[] {
  const rows = optionsOf(command).map((option) => `| \`${option.flags}\` | ${cell(optionText(option))} |`);
  return ['| option | |', '| --- | --- |', ...rows];
}

/** A pipe would end the cell of a table, and an angle bracket begin a tag. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', ' ');
}
