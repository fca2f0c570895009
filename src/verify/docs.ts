import { FAMILIES } from './rules/index.js';
import type { Rule } from './types.js';

/** The reference of all rules as a Markdown page. */
export function rulesPage(): string {
  return [
    '# Rules',
    '',
    '<!-- Written by `imgbuild generate` from the rules of src/verify/rules. Do not edit. -->',
    '',
    'What `imgbuild verify` asks of an image. A rule is asked when the image is meant for its platform and has what the rule is',
    'about. Ids are stable. An `error` ends the command with status 7, a `warning` only with `--strict`, an `info` never.',
    '',
    ...FAMILIES.flatMap(({ title, rules }) => [`## ${title}`, '', ...rules.flatMap(entry)]),
  ].join('\n');
}

function entry({ id, severity, title, platforms, source, advice }: Rule): string[] {
  const places = platforms.length === 0 ? 'every platform' : platforms.join(', ');
  return [
    `### ${id}`,
    '',
    `${title}. (${severity}; ${places})`,
    '',
    `- Why: ${source}.`,
    `- Otherwise: ${advice}.`,
    '',
  ];
}
