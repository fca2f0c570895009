import type { Argument, Command, Option } from 'commander';

/** A word that a shell may offer. */
export interface Candidate {
  readonly value: string;
  readonly help: string;
}

/** Names that only the user's files know; asked for when they are wanted. */
export interface Names {
  readonly profiles: () => Promise<readonly Candidate[]>;
  readonly options: () => Promise<readonly Candidate[]>;
}

/** What a shell is told: words, or that it shall look for files by itself. */
export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly also?: 'files' | 'dirs';
}

const NOTHING: Completion = { candidates: [] };

/** What may stand in place of the last word, which is what has been typed of it. */
export async function complete(program: Command, words: readonly string[], names: Names): Promise<Completion> {
  const { done, current } = splitWords(words);
  let command = program;
  let operands = 0;
  for (let n = 0; n < done.length; n += 1) {
    const word = done[n] ?? '';
    const option = word.startsWith('-') ? findOption(command, word) : undefined;
    if (option?.required === true && !word.includes('=')) {
      n += 1;
      if (n === done.length) return filter(await valuesOf(option, names), current);
      continue;
    }
    if (word.startsWith('-')) continue;
    const sub = command.commands.find((candidate) => candidate.name() === word);
    if (sub !== undefined && operands === 0) command = sub;
    else operands += 1;
  }
  if (current.startsWith('-')) return filter({ candidates: optionsOf(command) }, current);
  if (command.commands.length > 0 && operands === 0) return filter({ candidates: verbsOf(command) }, current);
  const argument = command.registeredArguments[operands] ?? variadicEnd(command);
  return filter(argument === undefined ? NOTHING : await argumentValues(argument, names), current);
}

/** Bash breaks words at `=`, so that `--option=va` arrives as three words. */
function splitWords(words: readonly string[]): { done: string[]; current: string } {
  const done: string[] = [];
  const all = [...words];
  let current = all.pop() ?? '';
  for (const word of all) if (word !== '=') done.push(word);
  if (current === '=') current = '';
  const inline = /^(--[^=]+)=(.*)$/.exec(current);
  if (inline?.[1] === undefined) return { done, current };
  return { done: [...done, inline[1]], current: inline[2] ?? '' };
}

function findOption(command: Command, word: string): Option | undefined {
  const flag = word.split('=')[0] ?? word;
  return allOptions(command).find((option) => option.long === flag || option.short === flag);
}

function allOptions(command: Command): Option[] {
  return [...command.options, ...(command.parent === null ? [] : allOptions(command.parent))];
}

function optionsOf(command: Command): Candidate[] {
  const options = allOptions(command)
    .filter((option) => !option.hidden)
    .map((option) => ({ value: option.long ?? option.short ?? '', help: option.description }));
  return [...options, { value: '--help', help: 'this help' }];
}

function verbsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((sub) => ({ value: sub.name(), help: sub.summary() || sub.description() }));
}

function variadicEnd(command: Command): Argument | undefined {
  const last = command.registeredArguments.at(-1);
  return last?.variadic === true ? last : undefined;
}

/** The placeholder says what is wanted: `<dir>`, `<file>`, `<profile>`, `<option=value>`, `<option>`. */
async function valuesOf(option: Option, names: Names): Promise<Completion> {
  if (option.argChoices !== undefined) return { candidates: plain(option.argChoices) };
  return byPlaceholder(/<([^>]*)>/.exec(option.flags)?.[1] ?? '', names);
}

async function argumentValues(argument: Argument, names: Names): Promise<Completion> {
  if (argument.argChoices !== undefined) return { candidates: plain(argument.argChoices) };
  return byPlaceholder(argument.name(), names);
}

async function byPlaceholder(placeholder: string, names: Names): Promise<Completion> {
  switch (placeholder.toLowerCase().replace(/[.…]+$/, '')) {
    // Where images are wanted, the name of a profile stands for what it has made.
    case 'image':
    case 'profile':
    case 'profiles':
      return { candidates: await names.profiles(), also: 'files' };
    case 'option':
      return { candidates: await names.options() };
    case 'option=value':
    case 'name=value':
      return { candidates: (await names.options()).map(({ value, help }) => ({ value: `${value}=`, help })) };
    case 'dir':
      return { candidates: [], also: 'dirs' };
    case 'file':
    case 'path':
      return { candidates: [], also: 'files' };
    default:
      return NOTHING;
  }
}

function plain(values: readonly string[]): Candidate[] {
  return values.map((value) => ({ value, help: '' }));
}

function filter(completion: Completion, current: string): Completion {
  return { ...completion, candidates: completion.candidates.filter(({ value }) => value.startsWith(current)) };
}

/** The answer as the completion scripts read it: `value TAB help` lines, then what else to offer. */
export function formatCompletion(completion: Completion): string {
  const lines = completion.candidates.map(({ value, help }) => (help === '' ? value : `${value}\t${oneLine(help)}`));
  return [...lines, ...(completion.also === undefined ? [] : [`:${completion.also}`])].join('\n');
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
