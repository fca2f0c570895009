import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENVIRONMENT } from '../../src/commands/environment.js';
import { commandReferences } from '../../src/commands/generate.js';
import { VERBS } from '../../src/commands/verbs.js';
import { CHECKOUT } from '../support/cli.js';

const references = await commandReferences();
const page = references['docs/reference-cli.md'] ?? '';
const manual = references['docs/imgbuild.1'] ?? '';

/** What the launcher and the builder tell each other, and what every program reads. */
const INTERNAL = /^(IMGBUILD_(BUILDER|BUILDER_DIGEST|LISTEN)|PATH|HOME|TERM|PHASE)$/;

/** The variables that the sources read, as members or taken apart. */
function variablesRead(): string[] {
  const files = readdirSync(path.join(CHECKOUT, 'src'), { recursive: true, encoding: 'utf8' });
  const text = files
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(path.join(CHECKOUT, 'src', file), 'utf8'))
    .join('\n');
  const members = [...text.matchAll(/\benv\['(\w+)'\]/g)].map(([, name = '']) => name);
  const apart = [...text.matchAll(/const \{ ([A-Z_, ]+) \} = env;/g)].flatMap(([, names = '']) => names.split(', '));
  return [...new Set([...members, ...apart])].filter((name) => !INTERNAL.test(name)).sort();
}

describe('the reference of commands', () => {
  it.each(Object.entries(references))('%s is current (imgbuild generate writes it)', (name, text) => {
    expect(readFileSync(path.join(CHECKOUT, name), 'utf8')).toBe(text);
  });

  it('tells of every verb that users see, and of no other', () => {
    for (const { name, hidden } of VERBS) {
      expect(page.includes(`\n## imgbuild ${name}\n`), name).toBe(hidden !== true);
    }
    expect(page).toContain('\n## imgbuild cache prune\n');
  });

  it('tells arguments, choices, defaults and examples', () => {
    expect(page).toContain('`imgbuild build [options] <profile...>`');
    expect(page).toContain('| `--work <where>` | work in memory or on disk; auto takes memory');
    expect(page).toContain('(one of auto, tmpfs, disk; default: auto) |');
    expect(page).toContain('\nimgbuild build deb12-amd64-kvm --verify\n');
  });

  it('tells of each variable that is read', () => {
    expect(Object.keys(ENVIRONMENT).sort()).toEqual(variablesRead());
  });
});

describe('the manual page', () => {
  it('has what stands in the page', () => {
    expect(manual).toContain('\n.B \\-\\-work <where>\n');
    expect(manual).toContain('\n.SS imgbuild cache prune [options]\n');
    expect(manual).toContain('\n.B IMGBUILD_CACHE_DIR\n');
    expect(manual).toContain('\n.B 143\n');
  });

  it('has no line that roff takes for a request it does not know', () => {
    const requests = [...manual.matchAll(/^[.'](\S*)/gm)].map(([, request = '']) => request);
    expect([...new Set(requests)].sort()).toEqual(['B', 'EE', 'EX', 'PP', 'SH', 'SS', 'TH', 'TP', '\\"']);
  });

  it('comes with the package', () => {
    const { man } = JSON.parse(readFileSync(path.join(CHECKOUT, 'package.json'), 'utf8')) as { man: string };
    expect(Object.keys(references)).toContain(man);
  });
});
