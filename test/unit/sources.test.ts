import { describe, expect, it } from 'vitest';
import { sourcesFor } from '../../src/exec/sources.js';
import type { AptPlan } from '../../src/plan/types.js';

const DEFAULTS = `deb http://archive.test/debian bookworm main
deb http://archive.test/debian bookworm-updates main
deb http://security.test/debian bookworm-security main
`;

const PLAN: AptPlan = {
  mirror: '',
  securityMirror: '',
  updates: true,
  components: ['main', 'contrib'],
  variant: 'apt',
  sources: [],
  mergedUsr: true,
};

/** Lines of sources.list with these mirrors. */
function listWith(more: Partial<AptPlan>): string[] {
  const [list] = sourcesFor({ ...PLAN, ...more }, 'bookworm', DEFAULTS);
  expect(list).toMatchObject({ path: 'sources.list' });
  expect(list?.hostText('/elsewhere')).toBe(list?.text);
  return (list?.text ?? '').split('\n');
}

/** The file of one further archive, its fields filled in as resolving does. */
function extra(fields: Readonly<Record<string, string | readonly string[]>>) {
  const record = { name: 'mine', uris: ['http://x.test/a'], suites: [], components: ['main'], key: '', ...fields };
  const files = sourcesFor({ ...PLAN, sources: [record] }, 'bookworm', DEFAULTS);
  expect(files.map(({ path }) => path)).toEqual(['sources.list', 'sources.list.d/mine.sources']);
  return files[1];
}

describe('sources.list', () => {
  it("is mmdebstrap's without mirrors", () => {
    expect(listWith({}).join('\n')).toBe(DEFAULTS);
  });

  it('has a mirror in all lines but those of security', () => {
    expect(listWith({ mirror: 'http://mirror.test/d' })).toEqual([
      'deb http://mirror.test/d bookworm main',
      'deb http://mirror.test/d bookworm-updates main',
      'deb http://security.test/debian bookworm-security main',
      '',
    ]);
  });

  it('has a mirror of security updates, with all components', () => {
    expect(listWith({ securityMirror: 'http://mirror.test/s' })).toEqual([
      'deb http://archive.test/debian bookworm main',
      'deb http://archive.test/debian bookworm-updates main',
      'deb http://mirror.test/s bookworm-security main contrib',
      '',
    ]);
  });

  it('has both', () => {
    expect(listWith({ mirror: 'http://mirror.test/d', securityMirror: 'http://mirror.test/s' })).toEqual([
      'deb http://mirror.test/d bookworm main',
      'deb http://mirror.test/d bookworm-updates main',
      'deb http://mirror.test/s bookworm-security main contrib',
      '',
    ]);
  });

  it('has no updates when they are not wanted, here or from a mirror', () => {
    expect(listWith({ updates: false })).toEqual([
      'deb http://archive.test/debian bookworm main',
      'deb http://security.test/debian bookworm-security main',
      '',
    ]);
    expect(listWith({ updates: false, mirror: 'http://mirror.test/d', securityMirror: 'none' })).toEqual([
      'deb http://mirror.test/d bookworm main',
      '',
    ]);
  });

  it('has no security updates with none', () => {
    expect(listWith({ securityMirror: 'none' })).toEqual([
      'deb http://archive.test/debian bookworm main',
      'deb http://archive.test/debian bookworm-updates main',
      '',
    ]);
  });
});

describe('a further archive', () => {
  it('has the suite of the profile when it names none, and no key', () => {
    const file = extra({ uris: ['http://x.test/a', 'http://y.test/b'], components: ['main', 'extra'] });
    expect(file?.text).toBe(
      'Types: deb\nURIs: http://x.test/a http://y.test/b\nSuites: bookworm\nComponents: main extra\n',
    );
    expect(file?.hostText('/cache/apt/1')).toBe(file?.text);
    expect(file).not.toHaveProperty('key');
  });

  it.each([[[]], [['main']]])('that is flat has no components, be they %j', (components) => {
    expect(extra({ suites: ['./'], components })?.text).toBe('Types: deb\nURIs: http://x.test/a\nSuites: ./\n');
  });

  it('has a key of its own, which apt in the image and our own find where it lies', () => {
    const file = extra({ suites: ['one', 'two'], key: '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAA==\n' });
    const lines = 'Types: deb\nURIs: http://x.test/a\nSuites: one two\nComponents: main\nSigned-By: ';
    expect(file?.text).toBe(`${lines}/etc/apt/keyrings/mine.asc\n`);
    expect(file?.hostText('/cache/apt/1')).toBe(`${lines}/cache/apt/1/etc/keyrings/mine.asc\n`);
    expect(file?.key).toEqual({
      path: 'keyrings/mine.asc',
      data: '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAA==\n',
    });
  });

  it('comes after those before it', () => {
    const sources = ['b', 'a'].map((name) => ({ name, uris: ['http://x.test/a'] }));
    const files = sourcesFor({ ...PLAN, sources }, 'bookworm', DEFAULTS);
    expect(files.map(({ path }) => path)).toEqual([
      'sources.list',
      'sources.list.d/b.sources',
      'sources.list.d/a.sources',
    ]);
  });
});
