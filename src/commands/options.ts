import type { Command } from 'commander';
import { defaultText, typeText } from '../config/docs.js';
import { describeOptions, resolveProfile, type OptionDescription, type Project } from '../config/load.js';
import { nearest } from '../config/suggest.js';
import { expectationOf, patternOf, textRule } from '../config/text-formats.js';
import type { OptionValue } from '../config/types.js';
import { UserError } from '../errors.js';
import { contextOf, print, printJson, table } from './common.js';
import { addProfileOptions, projectOf, type ProfileOptions } from './request.js';

interface OptionsOptions extends ProfileOptions {
  readonly profile?: string;
  readonly json?: true;
}

/** An option with what a profile makes of it. */
interface Row extends OptionDescription {
  readonly value?: OptionValue;
  readonly from?: string;
}

/** `imgbuild options`. */
export function register(program: Command): void {
  addProfileOptions(program.command('options'))
    .summary('show the options that profiles can set')
    .description(
      'Shows the options that profiles can set: type, default, meaning, and the collection that declares them.',
    )
    .argument('[option]', 'name of an option, of a group or of a collection, or the beginning of a name')
    .option('--profile <profile>', 'only those of this profile, with their values and where these come from')
    .option('--json', 'as one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  imgbuild options
  imgbuild options login.user
  imgbuild options sshd
  imgbuild options --profile deb12-amd64-lxc`,
    )
    .action(async (name: string | undefined, options: OptionsOptions, command: Command) => {
      if (options.set !== undefined && options.profile === undefined) {
        throw new UserError('--set changes the options of a profile', { hint: 'say which one: --profile NAME' });
      }
      const project = projectOf(await contextOf(command));
      const rows = rowsOf(project, name ?? '', options);
      const only = rows.length === 1 ? rows[0] : undefined;
      if (options.json === true) printJson(rows);
      else if (only?.name === name && only !== undefined) print(detail(only));
      else print(tableOf(rows, options.profile !== undefined));
    });
}

function rowsOf(project: Project, filter: string, options: OptionsOptions): Row[] {
  const described = describeOptions(project, filter);
  if (described.length === 0) throw unknownOption(project, filter);
  if (options.profile === undefined) return described;
  const { config, origins, declared } = resolveProfile(project, options.profile, options.set);
  return described
    .filter(({ name }) => declared.has(name))
    .map((option) => {
      const { name, declaration } = option;
      // Where a secret comes from may be told, what it is may not.
      const secret = name in config.secrets ? 'given' : 'not given';
      const value = declaration.type === 'secret' ? secret : (config.options[name] ?? '');
      return { ...option, value, from: origins.get(name) ?? 'default' };
    });
}

function unknownOption(project: Project, filter: string): UserError {
  const near = nearest(
    filter,
    describeOptions(project).flatMap(({ name, collection }) => [name, collection]),
  );
  const hint = near === undefined ? 'imgbuild options shows all there are' : `did you mean "${near}"?`;
  return new UserError(`no option and no collection is called "${filter}"`, { hint });
}

function tableOf(rows: readonly Row[], valued: boolean): string {
  if (valued) {
    const lines = rows.map((row) => [row.name, shown(row.value), row.from ?? '', row.declaration.help]);
    return table([['OPTION', 'VALUE', 'FROM', 'MEANING'], ...lines]);
  }
  const lines = rows.map(({ name, declaration, collection }) => {
    return [name, typeText(declaration), defaultText(declaration), collection, declaration.help];
  });
  return table([['OPTION', 'TYPE', 'DEFAULT', 'COLLECTION', 'MEANING'], ...lines]);
}

function detail(row: Row): string {
  const { name, declaration, collection, variable } = row;
  const rule = textRule(declaration);
  const fields = declaration.type === 'records' ? Object.entries(declaration.fields) : [];
  const lines = [
    ['type', typeText(declaration)],
    ['default', declaration.type === 'secret' ? 'not given' : defaultText(declaration) || 'empty'],
    ['expects', expectationOf(rule) ?? ''],
    ['pattern', patternOf(rule) ?? ''],
    ...fields.map(([field, { type, required, help }]) => {
      return [`  ${field}`, `${type}${required === true ? ', required' : ''}${help === undefined ? '' : `: ${help}`}`];
    }),
    ['value', row.value === undefined ? '' : shown(row.value)],
    ['from', row.from ?? ''],
    ['collection', collection],
    ['in hooks', variable === undefined ? `secret ${name}` : `$${variable}`],
  ];
  return `${name}: ${declaration.help}\n${table(lines.filter(([, text]) => text !== ''))}`;
}

function shown(value: Row['value']): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
