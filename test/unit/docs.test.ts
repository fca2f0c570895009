import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { FORMAT_NAMES } from '../../src/config/formats.js';
import { loadProfile, loadProject } from '../../src/config/load.js';
import { Collection } from '../../src/config/schema.js';
import { createProgram } from '../../src/commands/program.js';
import { VERBS } from '../../src/commands/verbs.js';
import { EXIT } from '../../src/errors.js';
import { FORMATS } from '../../src/output/table.js';
import { platformsOf } from '../../src/verify/read/image.js';
import { CHECKOUT } from '../support/cli.js';
import { tree } from '../support/tree.js';

const pages = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'profiles/README.md'],
  ...readdirSync(path.join(CHECKOUT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  ...readdirSync(path.join(CHECKOUT, 'collections'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('README.md'))
    .map((name) => `collections/${name}`),
];

const read = (page: string) => readFileSync(path.join(CHECKOUT, page), 'utf8');

/** A page without its blocks of code, in which nothing is a link or a heading. */
const prose = (page: string) => read(page).replace(/^( *)```.*?^\1```/gms, '');

/** The anchor that forges give a heading: in small letters, punctuation left out, each blank a dash. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** Whether a relative link of a page leads to a file that is there and, with an anchor, to a heading of it. */
function leadsSomewhere(page: string, link: string): boolean {
  const [to = '', anchor] = link.split('#');
  const target = to === '' ? page : path.join(path.dirname(page), to);
  if (!existsSync(path.join(CHECKOUT, target))) return false;
  const headings = [...prose(target).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => anchorOf(heading.trim()));
  return anchor === undefined || headings.includes(anchor);
}

/** Calls of imgbuild in shell blocks and in inline code, as call, verb and the rest of the line. */
function callsIn(text: string): RegExpMatchArray[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = '']) => block.split('\n'));
  const inline = [...text.replace(/^```.*?^```/gms, '').matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
  const lines = [...blocks, ...inline];
  return lines.map((line) => /^(?:\.\/)?imgbuild ([a-z]+)([^\n#|&]*)/.exec(line)).filter((match) => match !== null);
}

/** The blocks of a page that are profiles, as somebody would copy them to a directory of their own. */
function profilesIn(page: string): string[] {
  const blocks = [...read(page).matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block = '']) => block);
  return blocks.filter((block) => /^(extends|suite):/m.test(block));
}

describe('documentation', () => {
  it.each(pages)('%s links to what exists', (page) => {
    const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const dead = links.filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(page, link));
    expect(dead).toEqual([]);
  });

  it('knows a dead link, and a dead anchor', () => {
    expect(leadsSomewhere('README.md', 'docs/formats.md#incus-and-lxd')).toBe(true);
    expect(leadsSomewhere('docs/formats.md', '#incus-and-lxd')).toBe(true);
    expect(leadsSomewhere('docs/verify.md', 'rules.md#vmw-ovftool')).toBe(true);
    expect(leadsSomewhere('README.md', 'docs/formats.md#incus')).toBe(false);
    expect(leadsSomewhere('README.md', 'docs/format.md')).toBe(false);
    expect(anchorOf('What a `convert` does, "twice" — and why_so?')).toBe('what-a-convert-does-twice--and-why_so');
  });

  it('has each word of the spell check once, in order', () => {
    const words = read('test/words.txt').trimEnd().split('\n');
    expect(words).toEqual([...new Set(words)].sort());
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

  it.each(pages.flatMap((page) => profilesIn(page).map((text) => [page, text])))(
    '%s shows a profile that is right',
    (_, text) => {
      const project = loadProject({ programDir: CHECKOUT, cwd: tree({ 'profiles/shown.yaml': text }) });
      expect(loadProfile(project, 'shown').profile).toBe('shown');
    },
  );

  it('tells every key of a collection', () => {
    const told = [...read('docs/collections.md').matchAll(/^\| `([a-z]+)` /gm)].map((match) => match[1]);
    for (const key of Object.keys(Collection().shape)) expect(told, key).toContain(key);
  });

  it('quotes messages that there are', () => {
    const sources = readdirSync(path.join(CHECKOUT, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => read(`src/${name}`).replace(/\\'/g, "'"));
    const quoted = [...read('docs/troubleshooting.md').matchAll(/^\| `([^`]+)` +\|/gm)].map(
      ([, message = '']) => message,
    );
    expect(quoted.length).toBeGreaterThan(10);
    for (const part of quoted.flatMap((message) => message.split('…')).map((text) => text.trim())) {
      expect(part === '' || sources.some((source) => source.includes(part)), part).toBe(true);
    }
  });

  it('tells every exit code', () => {
    const told = [...read('docs/exit-codes.md').matchAll(/^\| (\d+) /gm)].map((match) => Number(match[1]));
    expect(told).toEqual(Object.values(EXIT));
  });
});

describe('docs/verify.md', () => {
  it('says of every format what is read, and for whom it is judged', () => {
    const table = read('docs/verify.md')
      .split('\n')
      .filter((line) => line.startsWith('|'));
    const suffixes = FORMAT_NAMES.flatMap((name): readonly string[] => FORMATS[name].suffixes);
    for (const suffix of suffixes) {
      const row = table.find((line) => line.includes(`\`${suffix}\``));
      // A packed disk is told of together with its packings.
      if (suffix === '.raw.zst') continue;
      expect(row, suffix).toBeDefined();
      for (const platform of platformsOf(`web1${suffix}`)) expect(row).toContain(`\`${platform}\``);
    }
  });
});
