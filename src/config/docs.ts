import type { CollectionFile, DeclaredOption } from './collection.js';
import { CORE } from './core-options.js';
import type { OptionDeclaration } from './declarations.js';
import { coreOptions } from './resolve-options.js';
import { expectationOf, textRule } from './text-formats.js';

/** The reference of all options as a Markdown page, by collection. */
export function optionsPage(collections: readonly CollectionFile[]): string {
  const sections = [
    section(CORE, 'Options of imgbuild itself.', coreOptions()),
    ...collections
      .filter((collection) => collection.options.length > 0)
      .map((collection) => section(collection.name, collection.description, collection.options)),
  ];
  return [
    '# Options',
    '',
    '<!-- Written by `imgbuild generate` from the declarations of the collections. Do not edit. -->',
    '',
    'A profile sets options below `options:`, nested (`login: { user: bob }`) or with dotted names (`login.user: bob`).',
    '`imgbuild options [NAME]` shows the same on the terminal, with those of your own collections.',
    '',
    'From the weakest to the strongest: the default below, `set:` of collections in their order, `defaults.yaml`,',
    'the profile (after what it extends), `--set name=value`. Lists that add up are appended to, others are replaced.',
    '',
    ...sections,
  ].join('\n');
}

function section(title: string, description: string, options: readonly DeclaredOption[]): string {
  return [`## ${title}`, '', description, '', ...optionsTable(options), ''].join('\n');
}

/** Options as lines of a Markdown table, by name. */
export function optionsTable(options: readonly DeclaredOption[]): string[] {
  const rows = [...options]
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name, declaration }) => (declaration === undefined ? [] : [row(name, declaration)]));
  return ['| option | type | default | |', '| --- | --- | --- | --- |', ...rows];
}

function row(name: string, declaration: OptionDeclaration): string {
  const notes = [cell(declaration.help), ...expectation(declaration), ...fieldNotes(declaration)].join('<br>');
  const value = defaultText(declaration);
  return `| \`${name}\` | ${cell(typeText(declaration))} | ${value === '' ? '' : `\`${cell(value)}\``} | ${notes} |`;
}

function expectation(declaration: OptionDeclaration): string[] {
  const expects = expectationOf(textRule(declaration));
  return expects === undefined ? [] : [`${declaration.type === 'list' ? 'Each is' : 'Takes'} ${cell(expects)}.`];
}

function fieldNotes(declaration: OptionDeclaration): string[] {
  if (declaration.type !== 'records') return [];
  return Object.entries(declaration.fields).map(([name, field]) => {
    const required = field.required === true ? ', required' : '';
    return `\`${name}\` (${field.type}${required})${field.help === undefined ? '' : `: ${cell(field.help)}`}`;
  });
}

/** A pipe would end the cell of a table. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/** The type of an option with its bounds, in words. */
export function typeText(declaration: OptionDeclaration): string {
  switch (declaration.type) {
    case 'integer': {
      const { min, max } = declaration;
      if (min === undefined && max === undefined) return 'integer';
      return `integer ${min === undefined ? '' : String(min)}…${max === undefined ? '' : String(max)}`;
    }
    case 'enum':
      return declaration.values.map((value) => (value === '' ? "''" : value)).join(' | ');
    case 'list':
    case 'records':
      return declaration.accumulate === true ? `${declaration.type}, adds up` : declaration.type;
    default:
      return declaration.type;
  }
}

/** The default of an option as one would write it; '' when there is nothing to show. */
export function defaultText(declaration: OptionDeclaration): string {
  if (declaration.type === 'secret') return '';
  const value = declaration.default;
  if (value === undefined || value === '') return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
