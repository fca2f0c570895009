import type { CollectionFile, DeclaredOption } from './collection.js';
import type { Term } from './conditions.js';
import type { CollectionContent, HookFile } from './content.js';
import { optionsTable } from './docs.js';
import { entriesAt, isMapping, valueAt } from './document.js';
import { yamlLibrary } from './lazy.js';
import { optionEnvName } from './options.js';

/** What hooks call to make files, with the path as first word (lib.sh). */
const WRITES = /(?:^|[\s|;&({])(?:write_file|append_line|make_dir)\s+("[^"]*"|'[^']*'|[^\s;|&<>)]+)/g;

/** What is there for the time of a check alone. */
const PASSING = /^(?:run|tmp)\//;

/**
 * The README.md of a collection, from its own declarations: what it does, options, packages, files.
 *
 * @param options of all collections, as hooks use those of others.
 */
export function collectionPage(
  collection: CollectionFile,
  content: CollectionContent,
  options: readonly DeclaredOption[],
): string {
  const about = valueAt(collection.source, ['about']);
  return [
    `# ${collection.name}`,
    '',
    '<!-- Written by `imgbuild generate` from the declarations of the collection. Do not edit. -->',
    '',
    collection.description,
    '',
    ...(typeof about === 'string' ? [about.trim(), ''] : []),
    ...examples(collection),
    ...relations(collection),
    ...(collection.options.length === 0 ? [] : ['## Options', '', ...optionsTable(collection.options), '']),
    ...settings(collection),
    ...refusals(collection),
    ...packages(collection),
    ...files(content, options),
    ...hooks(content),
  ].join('\n');
}

function examples({ source }: CollectionFile): string[] {
  return listAt(valueAt(source, ['examples'])).flatMap(({ description, profile }) => [
    String(description),
    '',
    '```yaml',
    yamlLibrary().stringify(profile, { lineWidth: 0, singleQuote: true }).trim(),
    '```',
    '',
  ]);
}

function listAt(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter((item: unknown) => isMapping(item)) : [];
}

function relations({ name, requires, wants, after, late, architectures, outputs }: CollectionFile): string[] {
  const up = '../'.repeat(name.split('/').length);
  const links = (list: CollectionFile['requires']): string =>
    list.map(({ value }) => `[${value}](${up}${value}/README.md)`).join(', ');
  const lines = [
    ...(requires.length > 0 ? [`- Brings along, before itself: ${links(requires)}`] : []),
    ...(wants.length > 0 ? [`- Brings along: ${links(wants)}`] : []),
    ...(after.length > 0 ? [`- Comes after, if they are there: ${links(after)}`] : []),
    ...(late ? ['- Comes after all collections that do not say this themselves'] : []),
    ...(architectures.length > 0 ? [`- Only for ${architectures.join(', ')}`] : []),
    ...(outputs.length > 0 ? [`- Formats of profiles that name none: ${outputs.join(', ')}`] : []),
  ];
  return lines.length === 0 ? [] : ['## Other collections', '', ...lines, ''];
}

function settings({ source }: CollectionFile): string[] {
  const rows = (path: readonly string[], prefix: string): string[] =>
    entriesAt(source, path).flatMap(({ key, value, path: at }) =>
      isMapping(value)
        ? rows(at.map(String), `${prefix}${key}.`)
        : [`- \`${prefix}${key}\`: \`${JSON.stringify(value)}\``],
    );
  const lines = rows(['set'], '');
  return lines.length === 0 ? [] : ['## Other defaults for options of others', '', ...lines, ''];
}

function refusals({ refuse }: CollectionFile): string[] {
  const lines = refuse.map(({ terms, because, hint }) => {
    const what = terms.map(({ value }) => condition(value)).join(' and ');
    return `- ${what}: ${because}${hint === undefined ? '' : `; ${hint}`}`;
  });
  return lines.length === 0 ? [] : ['## What it refuses', '', ...lines, ''];
}

function packages({ packages: always, conditional }: CollectionFile): string[] {
  const names = (list: CollectionFile['packages']): string => list.map(({ value }) => `\`${value}\``).join(', ');
  const lines = [
    ...(always.length > 0 ? [`- ${names(always)}`] : []),
    ...conditional.map(
      ({ terms, packages: some }) =>
        `- ${names(some)} when ${terms.map(({ value }) => condition(value)).join(' and ')}`,
    ),
  ];
  return lines.length === 0 ? [] : ['## Packages', '', ...lines, ''];
}

function condition({ name, negated, values }: Term): string {
  if (name.startsWith('disk')) return `the image has ${negated ? 'no' : 'a'} \`${name.replace(/^disk:/, '')}\``;
  if (values === undefined) return `\`${name}\` is ${negated ? 'not set' : 'set'}`;
  return `\`${name}\` is ${negated ? 'not ' : ''}${values.map((value) => `\`${value}\``).join(' or ')}`;
}

/** Files of overlays, and those whose names stand in hooks: `…` where a name is known to the hook alone. */
function files({ overlays, hooks: scripts }: CollectionContent, options: readonly DeclaredOption[]): string[] {
  const laid = overlays
    .flatMap(({ entries }) => entries)
    .filter(({ kind, path }) => kind !== 'directory' || !overlays.some(({ entries }) => hasMember(entries, path)))
    .map(({ path, kind, mode, owner }) => {
      const special = kind !== 'symlink' && ![0o644, 0o755].includes(mode);
      const how = [...(special ? [mode.toString(8).padStart(4, '0')] : []), ...(owner === undefined ? [] : [owner])];
      return `/${path}${kind === 'directory' ? '/' : ''}\`${how.length === 0 ? '' : ` (${how.join(', ')})`}`;
    });
  const written = scripts.flatMap((hook) => writtenBy(hook, options)).map((path) => `/${path}\``);
  const lines = [...new Set([...laid, ...written])].sort().map((line) => `- \`${line}`);
  return lines.length === 0 ? [] : ['## Files', '', ...lines, ''];
}

function hasMember(entries: CollectionContent['overlays'][number]['entries'], directory: string): boolean {
  return entries.some(({ path }) => path.startsWith(`${directory}/`));
}

function writtenBy({ text }: HookFile, options: readonly DeclaredOption[]): string[] {
  const code = text.split('\n').filter((line) => !/^\s*#/.test(line));
  return code
    .flatMap((line) => [...line.matchAll(WRITES)].map(([, word = '']) => word.replace(/^["']|["']$/g, '')))
    .map((path) =>
      path
        .replace(/^\//, '')
        .replace(/\$\{(OPT_\w+)[^}]*\}|\$(OPT_\w+)|\$\{[^}]*\}|\$\w+/g, (_, ...names: (string | undefined)[]) => {
          const option = options.find(({ name }) => names.slice(0, 2).includes(optionEnvName(name)));
          return option === undefined ? '…' : `<${option.name}>`;
        }),
    )
    .filter((path) => !path.startsWith('…') && !PASSING.test(path));
}

function hooks({ hooks: scripts }: CollectionContent): string[] {
  const lines = scripts.map(({ phase, name, text }) => {
    const comment = text.split('\n').findIndex((line) => !line.startsWith('#'));
    const words = text
      .split('\n')
      .slice(0, comment)
      .map((line) => line.replace(/^# ?/, ''))
      .filter((line) => !line.startsWith('shellcheck '));
    return `- \`${phase}/${name}\`: ${words.join(' ')}`;
  });
  return lines.length === 0 ? [] : ['## Hooks', '', ...lines, ''];
}
