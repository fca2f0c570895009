import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProfile, loadProject, type Project } from '../../src/config/load.js';
import { ConfigError } from '../../src/errors.js';
import { PRODUCT, PROFILE } from '../support/config.js';
import { thrown } from '../support/thrown.js';
import { addFiles, tree, type Leaf } from '../support/tree.js';

/** A project with a cache, as each run of the program opens it anew. */
function setUp(files: Readonly<Record<string, Leaf>> = {}) {
  const root = tree({ ...PRODUCT, 'user/profiles/p.yaml': PROFILE, ...files });
  const cacheDir = path.join(root, 'cache');
  const open = (): Project =>
    loadProject({ programDir: path.join(root, 'program'), cwd: path.join(root, 'user'), cacheDir });
  return { root, open, file: path.join(cacheDir, 'config.json') };
}

/** Was the file of a collection found good before? */
const isKnown = (project: Project, name: string): boolean | undefined => project.collections.find(name)?.source.checked;

describe('remembered files', () => {
  it('mean the same as read ones', () => {
    const { open } = setUp();
    const first = loadProfile(open(), 'p');
    const project = open();
    expect(isKnown(project, 'base')).toBe(true);
    expect(isKnown(project, 'extra')).toBe(false);
    expect(loadProfile(project, 'p')).toEqual(first);
  });

  it('are read anew when they changed', () => {
    const { root, open } = setUp();
    loadProfile(open(), 'p');
    addFiles(root, {
      'program/collections/lxc/base/collection.yaml': 'description: x\nrequires: [base]\nset: { tmp.size: 7m }\n',
    });
    const project = open();
    expect(loadProfile(project, 'p').options['tmp.size']).toBe('7m');
    expect(isKnown(project, 'base')).toBe(true);
    expect(isKnown(project, 'lxc/base')).toBe(false);
  });

  it('still tell places, of what is wrong with the others', () => {
    const { root, open } = setUp();
    loadProfile(open(), 'p');
    addFiles(root, { 'user/collections/local/base/collection.yaml': 'description: x\n' });
    const error = thrown(() => loadProfile(open(), 'p'));
    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toMatch(/lxc\/base\/collection.yaml:3:8: set.tmp.size: unknown option "tmp.size"/);
  });

  it('are only such as are good', () => {
    const { root, open, file } = setUp();
    addFiles(root, { 'user/profiles/p.yaml': `${PROFILE}nonsense: 1\n` });
    expect(thrown(() => loadProfile(open(), 'p'))).toBeInstanceOf(ConfigError);
    expect(existsSync(file)).toBe(false);
  });

  it.each<[string, Readonly<Record<string, Leaf>>]>([
    ['a profile', { 'user/profiles/p.yaml': `${PROFILE}options: { rootPassword: s3cret }\n` }],
    [
      'what it extends',
      {
        'user/profiles/p.yaml': 'extends: q\n',
        'user/profiles/q.yaml': `${PROFILE}options: { rootPassword: { value: s3cret } }\n`,
      },
    ],
    ['defaults.yaml', { 'user/defaults.yaml': 'options: { rootPassword: s3cret }\n' }],
    ['defaults.yaml, for another profile', { 'user/defaults.yaml': 'options: { extra.key: s3cret }\n' }],
  ])('are none that hold a secret: %s', (_, files) => {
    const { open, file } = setUp(files);
    loadProfile(open(), 'p', ['rootPassword=env:ROOT_PASSWORD']);
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain('s3cret');
    expect(text).toContain('What every image has.');
  });

  it.each(['', '{', '[]', '{"rules":"x","values":{}}', '{"values":7}'])(
    'do without, when the cache holds %j',
    (text) => {
      const { open, file } = setUp();
      const first = loadProfile(open(), 'p');
      writeFileSync(file, text);
      const project = open();
      expect(isKnown(project, 'base')).toBe(false);
      expect(loadProfile(project, 'p')).toEqual(first);
      expect(isKnown(open(), 'base')).toBe(true);
    },
  );

  it('do without, when the cache cannot be written', () => {
    const { root } = setUp({ cache: 'a file' });
    const dirs = { programDir: path.join(root, 'program'), cwd: path.join(root, 'user') };
    expect(loadProfile(loadProject({ ...dirs, cacheDir: path.join(root, 'cache') }), 'p').suite).toBe('bookworm');
  });
});
