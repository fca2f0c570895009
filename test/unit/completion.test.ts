import { Argument, Command, Option } from 'commander';
import { describe, expect, it } from 'vitest';
import { complete, formatCompletion, type Names } from '../../src/commands/candidates.js';
import { createProgram } from '../../src/commands/program.js';
import { VERBS } from '../../src/commands/verbs.js';

function program(): Command {
  const root = new Command('imgbuild')
    .addOption(new Option('--log-format <format>', 'how to log').choices(['text', 'json']))
    .option('-v, --verbose', 'say more')
    .option('--profile-dir <dir>', 'where');
  root
    .command('build')
    .summary('make images')
    .argument('<profile...>')
    .option('--set <option=value>', 'set an option')
    .option('--lock <file>', 'a file')
    .option('--keep <n>', 'how many');
  root.command('options').argument('[option]');
  root.command('secret', { hidden: true });
  root.command('shell').addArgument(new Argument('<kind>').choices(['bash', 'zsh']));
  root.command('cache').command('prune').option('--all', 'everything');
  return root;
}

const names: Names = {
  profiles: () =>
    Promise.resolve([
      { value: 'deb12-amd64-lxc', help: 'bookworm' },
      { value: 'web', help: '' },
    ]),
  options: () =>
    Promise.resolve([
      { value: 'login.user', help: 'The account.\nTwo lines.' },
      { value: 'locale', help: '' },
    ]),
};

async function values(...words: string[]): Promise<string[]> {
  return (await complete(program(), words, names)).candidates.map(({ value }) => value);
}

describe('completion', () => {
  it('completes verbs, not the hidden ones', async () => {
    expect(await values('')).toEqual(['build', 'options', 'shell', 'cache', 'help']);
    expect(await values('-v', 'bu')).toEqual(['build']);
    expect(await values('cache', '')).toContain('prune');
  });

  it('completes options of the verb and global ones', async () => {
    expect(await values('build', '--')).toEqual([
      '--set',
      '--lock',
      '--keep',
      '--log-format',
      '--verbose',
      '--profile-dir',
      '--help',
    ]);
    expect(await values('cache', 'prune', '--a')).toEqual(['--all']);
  });

  it('completes values, also where bash has broken the word at =', async () => {
    expect(await values('--log-format', 'j')).toEqual(['json']);
    expect(await values('--log-format=j')).toEqual(['json']);
    expect(await values('--log-format', '=', 'j')).toEqual(['json']);
    expect(await values('--log-format', '=')).toEqual(['text', 'json']);
    expect(await values('build', 'web', '--set', 'lo')).toEqual(['login.user=', 'locale=']);
    expect(await values('build', 'web', '--keep', '')).toEqual([]);
  });

  it('completes arguments, as many as there may be', async () => {
    expect(await values('build', 'd')).toEqual(['deb12-amd64-lxc']);
    expect(await values('--profile-dir', 'x', 'build', 'web', '')).toEqual(['deb12-amd64-lxc', 'web']);
    expect(await values('options', 'log')).toEqual(['login.user']);
    expect(await values('options', 'login.user', '')).toEqual([]);
    expect(await values('shell', 'z')).toEqual(['zsh']);
  });

  it('leaves files and directories to the shell', async () => {
    expect(await complete(program(), ['build', '--lock', ''], names)).toEqual({ candidates: [], also: 'files' });
    expect(await complete(program(), ['--profile-dir', ''], names)).toEqual({ candidates: [], also: 'dirs' });
  });

  it('answers one candidate a line', async () => {
    expect(formatCompletion(await complete(program(), ['options', 'l'], names))).toBe(
      'login.user\tThe account. Two lines.\nlocale',
    );
    expect(formatCompletion({ candidates: [], also: 'dirs' })).toBe(':dirs');
  });
});

describe('the command line', () => {
  it.each(VERBS.map((verb) => [verb.name, verb] as const))(
    '%s has the name and summary that its module gives it',
    async (name, verb) => {
      const loaded = await createProgram([name]);
      const stub = await createProgram([]);
      const find = (root: Command) => root.commands.find((command) => command.name() === name);
      expect(find(loaded)?.summary()).toBe(verb.summary);
      expect(find(stub)?.summary()).toBe(verb.summary);
      expect(find(loaded)?.description()).toBe(find(loaded)?.description().trim());
      expect(loaded.commands.map((command) => command.name())).toEqual(stub.commands.map((command) => command.name()));
    },
  );
});
