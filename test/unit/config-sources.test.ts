import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProfile, loadProject, validateCollection } from '../../src/config/load.js';
import { makePlan } from '../../src/plan/plan.js';
import { load, problemsOf, PRODUCT, PROFILE, projectOf } from '../support/config.js';
import { addFiles, tree, type Leaf } from '../support/tree.js';

const armored = (kind: string, body: string): string =>
  `-----BEGIN PGP ${kind} BLOCK-----\n\n${body}\n-----END PGP ${kind} BLOCK-----\n`;
const KEY = armored('PUBLIC KEY', 'bWluZQ==');

/** A profile or another file whose options name one archive. */
const archive = (fields: string, head = PROFILE): string =>
  `${head}options:\n  apt.sources:\n    - name: mine\n      uris: ['http://archive.test/x']\n      ${fields}\n`;

const keysOf = (config: ReturnType<typeof load>): unknown[] =>
  (config.options['apt.sources'] as readonly { key: string }[]).map(({ key }) => key);

describe('the key of an archive', () => {
  it.each<[string, Readonly<Record<string, Leaf>>]>([
    ['stands in the profile', { 'user/profiles/p.yaml': archive(`key: ${JSON.stringify(KEY)}`) }],
    [
      'is in a file beside the profile',
      { 'user/profiles/p.yaml': archive('key: keys/mine.asc'), 'user/profiles/keys/mine.asc': KEY },
    ],
    [
      'is in a file beside the profile that names it, which another extends',
      {
        'user/profiles/p.yaml': 'extends: site/q.yaml\n',
        'user/profiles/site/q.yaml': archive('key: mine.asc'),
        'user/profiles/site/mine.asc': `\n${KEY}\n`,
        'user/profiles/mine.asc': 'another',
      },
    ],
    ['is in a file beside defaults.yaml', { 'user/defaults.yaml': archive('key: mine.asc', ''), 'user/mine.asc': KEY }],
    [
      'is in a file of the collection that names it',
      {
        'user/profiles/p.yaml': PROFILE.replace(']', ', mine]'),
        'user/collections/local/mine/collection.yaml': archive('key: files/mine.asc', 'description: x\n').replace(
          'options:',
          'set:',
        ),
        'user/collections/local/mine/files/mine.asc': KEY,
      },
    ],
  ])('%s', (_, files) => {
    expect(keysOf(load(files))).toEqual([KEY.trim()]);
  });

  it('is in a file that --set names, from the working directory', () => {
    const set = `apt.sources=${JSON.stringify([{ name: 'mine', uris: ['http://archive.test/x'], key: 'mine.asc' }])}`;
    expect(keysOf(load({ 'user/mine.asc': KEY }, [set]))).toEqual([KEY.trim()]);
    const [missing] = problemsOf({ 'user/profiles/mine.asc': KEY }, [set]);
    expect(missing).toMatch(/--set apt\.sources.*the key file \S+\/user\/mine\.asc cannot be read \(ENOENT\)/);
  });

  it('may be left out', () => {
    expect(keysOf(load({ 'user/profiles/p.yaml': archive('suites: [x]') }))).toEqual(['']);
  });

  it('is in the plan, so that another key makes another image', () => {
    const digest = (key: string): string | undefined => {
      const files = { 'user/profiles/p.yaml': archive('key: mine.asc'), 'user/profiles/mine.asc': key };
      const plan = makePlan(load(files));
      expect(plan.apt.sources[0]?.['key']).toBe(key.trim());
      return plan.stages.find(({ name }) => name === 'base')?.digest;
    };
    expect(digest(KEY)).toBe(digest(KEY));
    expect(digest(KEY)).not.toBe(digest(armored('PUBLIC KEY', 'eW91cnM=')));
  });

  it.each<[string, string, Readonly<Record<string, Leaf>>, RegExp]>([
    ['missing', 'keys/mine.asc', {}, /the key file \S+\/profiles\/keys\/mine\.asc cannot be read \(ENOENT\)/],
    ['a directory', '.', {}, /cannot be read \(EISDIR\)/],
    ['a keyring', 'mine.gpg', { 'user/profiles/mine.gpg': '\x99\x01' }, /\/mine\.gpg is not an armored public key/],
    [
      'a private key in a file',
      'mine.asc',
      { 'user/profiles/mine.asc': armored('PRIVATE KEY', 'czNjcmV0') },
      /not an armored public key/,
    ],
    ['a private key', armored('PRIVATE KEY', 'czNjcmV0'), {}, /armored, but not a public key/],
    ['a text of several lines', 'czNj\ncmV0\n', {}, /neither an armored public key nor a path/],
  ])('%s is refused where it stands, without telling what is in it', (_, key, files, message) => {
    const problems = problemsOf({ 'user/profiles/p.yaml': archive(`key: ${JSON.stringify(key)}`), ...files });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^profiles\/p\.yaml:8:12: options\.apt\.sources\[0\]\.key: /);
    expect(problems[0]).toMatch(message);
    expect(problems[0]).toMatch(/BEGIN PGP PUBLIC KEY|gpg .*--armor --export/);
    expect(problems[0]).not.toMatch(/czNj|cmV0/);
  });

  it('is looked for when a collection is checked by itself', () => {
    const text = archive('key: none.asc', 'description: x\n').replace('options:', 'set:');
    const project = projectOf({ 'user/collections/local/mine/collection.yaml': text });
    expect(validateCollection(project, 'mine').map(({ file, line, col }) => [path.basename(file), line, col])).toEqual([
      ['collection.yaml', 6, 12],
    ]);
  });

  it('is read each time, though the profile that names it is remembered', () => {
    const files = { 'user/profiles/p.yaml': archive('key: mine.asc'), 'user/profiles/mine.asc': KEY };
    const root = tree({ ...PRODUCT, ...files });
    const dirs = {
      programDir: path.join(root, 'program'),
      cwd: path.join(root, 'user'),
      cacheDir: path.join(root, 'c'),
    };
    const keys = (): unknown[] => keysOf(loadProfile(loadProject(dirs), 'p'));
    expect(keys()).toEqual([KEY.trim()]);
    const other = armored('PUBLIC KEY', 'eW91cnM=');
    addFiles(root, { 'user/profiles/mine.asc': other });
    expect(keys()).toEqual([other.trim()]);
  });
});

describe('an archive without components', () => {
  it('is one whose suites are paths', () => {
    const { options } = load({ 'user/profiles/p.yaml': archive('suites: [./]\n      components: []') });
    expect(options['apt.sources']).toMatchObject([{ suites: ['./'], components: [] }]);
  });

  it('is refused otherwise', () => {
    expect(problemsOf({ 'user/profiles/p.yaml': archive('components: []') })).toEqual([
      expect.stringMatching(
        /p\.yaml:8:19: options\.apt\.sources\[0\]\.components: only archives whose suites are paths/,
      ),
    ]);
  });
});
