import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Collection } from '../../src/config/schema.js';
import { createProgram } from '../../src/commands/program.js';
import { VERBS } from '../../src/commands/verbs.js';
import { EXIT } from '../../src/errors.js';
import { CHECKOUT } from '../support/cli.js';

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'profiles/README.md'],
  ...readdirSync(path.join(CHECKOUT, 'docs')).map((name) => `docs/${name}`),
  ...readdirSync(path.join(CHECKOUT, 'collections'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('README.md'))
    .map((name) => `collections/${name}`),
];

const read = (page: string) => readFileSync(path.join(CHECKOUT, page), 'utf8');

/** Calls of imgbuild in shell blocks and in inline code, as call, verb and the rest of the line. */
function callsIn(text: string): RegExpMatchArray[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) => block.split('\n'));
  const inline = [...text.replace(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
  const lines = [...blocks, ...inline];
  return lines.map((line) => /^(?:\.\/)?imgbuild ([a-z]+)([^\n#|&]*)/.exec(line)).filter((match) => match !== null);
}

describe('documentation', () => {
  it.each(pages)('%s links to what exists', (page) => {
    const links = [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? '');
    const dead = links.filter((link) => !existsSync(path.join(CHECKOUT, path.dirname(page), link)));
    expect(dead).toEqual([]);
  });

  it.each(pages)('%s names verbs and options that exist', async (page) => {
    for (const [call, verb = '', rest = ''] of callsIn(read(page))) {
      expect([...VERBS.map(({ name }) => name), 'help'], call).toContain(verb);
      const program = await createProgram([verb]);
      const command = program.commands.find((candidate) => candidate.name() === verb);
      const sub = command?.commands.find((candidate) => rest.trim().split(/\s+/)[0] === candidate.name());
      const known = [program, command, sub].flatMap((one) => one?.options.map((option) => option.long) ?? []);
      const used = [...(rest.split(' -- ')[0] ?? '').matchAll(/(?<=\s)--[a-z][a-z-]*/g)].map(([option]) => option);
      expect(
        used.filter((option) => !known.includes(option) && option !== '--help'),
        call,
      ).toEqual([]);
    }
  });

  it('tells every key of a collection', () => {
    const told = [...read('docs/collections.md').matchAll(/^\| `([a-z]+)` /gm)].map((match) => match[1]);
    for (const key of Object.keys(Collection().shape)) expect(told, key).toContain(key);
  });

  it('tells every exit code', () => {
    const told = [...read('docs/exit-codes.md').matchAll(/^\| (\d+) /gm)].map((match) => Number(match[1]));
    expect(told).toEqual(Object.values(EXIT));
  });
});
