import { chmodSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProfile } from '../../src/config/load.js';
import { parseLibrary, reachableLibrary } from '../../src/config/library.js';
import type { BuildConfig, Hook, ResolvedCollection } from '../../src/config/types.js';
import { PROFILE, load, projectOf } from '../support/config.js';
import type { Leaf } from '../support/tree.js';

const MINE = 'user/collections/local/mine';

const FILES: Readonly<Record<string, Leaf>> = {
  'user/profiles/p.yaml': PROFILE.replace('targets/lxc', 'mine'),
  [`${MINE}/collection.yaml`]: 'description: Mine.\nrequires: [base]\n',
};

function mine(files: Readonly<Record<string, Leaf>>): ResolvedCollection {
  return lastOf(load({ ...FILES, ...files }));
}

function lastOf(config: BuildConfig): ResolvedCollection {
  const last = config.collections.at(-1);
  if (last === undefined) throw new Error('no collections');
  return last;
}

/** The only hook of the collection. */
function hookOf(text: string, more: Readonly<Record<string, Leaf>> = {}): Hook {
  const [hook] = mine({ [`${MINE}/hooks/customize/10-a.sh`]: text, ...more }).hooks;
  if (hook === undefined) throw new Error('no hook');
  return hook;
}

describe('hooks', () => {
  it('come by phase, then by name', () => {
    const names = ['customize/05-z.sh', 'customize/10-a.sh', 'setup/20-b.sh', 'essential/01-x.sh', 'extract/9-y.sh'];
    const { hooks } = mine(Object.fromEntries(names.map((name) => [`${MINE}/hooks/${name}`, ''])));
    expect(hooks.map(({ phase, name }) => `${phase}/${name}`)).toEqual([
      'setup/20-b.sh',
      'extract/9-y.sh',
      'essential/01-x.sh',
      'customize/05-z.sh',
      'customize/10-a.sh',
    ]);
  });

  it('are named by the root that they lie in', () => {
    expect(hookOf('').file).toEqual({ root: 'local', path: 'mine/hooks/customize/10-a.sh' });
  });

  it('are given the options and secrets that they mention, and no others', () => {
    const hook = hookOf(`# OPT_INIT is not read here, and secret login neither
if $OPT_SSHD_ENABLE; then echo "\${OPT_LOGIN_USER}" "$OPT_MERGED_USR"; fi
password=$(secret rootPassword) || exit 0
echo "tell nobody the secret thing" "\${OPT_EXTRA_ENABLE:-}"
`);
    expect(hook.options).toEqual(['login.user', 'mergedUsr', 'sshd.enable']);
    expect(hook.secrets).toEqual(['rootPassword']);
  });

  it('have the files of their collection only when they mention them', () => {
    const files = { [`${MINE}/files/a`]: 'a', [`${MINE}/files/b/c`]: 'c' };
    const hook = hookOf('cp "$FILES/a" "$ROOT/a"', files);
    expect(hook.files).toEqual({ root: 'local', path: 'mine/files' });
    expect(hook.filesDigest).toMatch(/^[0-9a-f]{64}$/);
    expect(hookOf('cp "$FILES/a" "$ROOT/a"', { ...files, [`${MINE}/files/b/c`]: 'd' }).filesDigest).not.toBe(
      hook.filesDigest,
    );
    expect(hookOf('true', files)).toMatchObject({ filesDigest: '' });
    expect(hookOf('true', files)).not.toHaveProperty('files');
    expect(hookOf('cp "$FILES"', {})).not.toHaveProperty('files');
  });

  it('have a digest of themselves and of the library functions they can reach', () => {
    const library = 'common=1\none() { echo 1; }\ntwo() {\n  one\n}\nthree() {\n  echo 3\n}\n';
    const digest = (hook: string, lib: string): string => hookOf(hook, { 'program/collections/lib.sh': lib }).sha256;
    const before = digest('two', library);
    expect(digest('two', library)).toBe(before);
    expect(digest('two # changed', library)).not.toBe(before);
    expect(digest('two', library.replace('echo 1', 'echo 2'))).not.toBe(before);
    expect(digest('two', library.replace('common=1', 'common=2'))).not.toBe(before);
    expect(digest('two', library.replace('echo 3', 'echo 4'))).toBe(before);
  });
});

describe('the library', () => {
  it('is taken apart into functions and what is common', () => {
    const { common, functions } = parseLibrary(
      '# comment\nA=1\nsay() { echo; }\ndie() {\n  say\n}\nsub() (\n  die\n)\nopen() {\n  no end\n',
    );
    expect(common).toBe('A=1\nopen() {\n  no end\n');
    expect([...functions.keys()]).toEqual(['say', 'die', 'sub']);
  });

  it('is reached by name, through others too', () => {
    const library = parseLibrary('a() { b; }\nb() { c; }\nc() { a; }\nd() { :; }\n');
    expect(reachableLibrary(library, 'x=1\na "$x"\n')).toBe('\na() { b; }\nb() { c; }\nc() { a; }');
    expect(reachableLibrary(library, 'nothing')).toBe('');
  });
});

describe('overlays', () => {
  const base = `${MINE}/overlay/customize`;

  it('have files, directories and links with modes that no umask changes', () => {
    const project = projectOf({
      ...FILES,
      [`${base}/etc/motd`]: 'hello',
      [`${base}/usr/bin/tool`]: { program: '#!/bin/sh\n' },
      [`${base}/etc/alias`]: { link: 'motd' },
      [`${base}/var/empty/.gitkeep`]: '',
      [`${base}/etc/motd~`]: 'a backup of an editor',
    });
    chmodSync(path.join(project.cwd, 'collections/local/mine/overlay/customize/etc/motd'), 0o600);
    const [overlay] = lastOf(loadProfile(project, 'p')).overlays;
    expect(overlay).toMatchObject({ collection: 'mine', phase: 'customize' });
    expect(overlay?.entries).toEqual([
      { path: 'etc', kind: 'directory', mode: 0o755 },
      { path: 'etc/alias', kind: 'symlink', mode: 0o777, target: 'motd' },
      {
        path: 'etc/motd',
        kind: 'file',
        mode: 0o644,
        // sha256 of "hello"
        sha256: '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824',
        source: { root: 'local', path: 'mine/overlay/customize/etc/motd' },
      },
      { path: 'usr', kind: 'directory', mode: 0o755 },
      { path: 'usr/bin', kind: 'directory', mode: 0o755 },
      expect.objectContaining({ path: 'usr/bin/tool', kind: 'file', mode: 0o755 }),
      { path: 'var', kind: 'directory', mode: 0o755 },
      { path: 'var/empty', kind: 'directory', mode: 0o755 },
    ]);
  });

  it('have the permissions that the collection gives', () => {
    const { overlays } = mine({
      [`${MINE}/collection.yaml`]: `description: x
permissions:
  - { path: etc/key, mode: '0600', owner: 'root:ssl-cert' }
  - { path: etc/, mode: '2750' }
  - { path: etc/link, owner: '0:0' }
`,
      [`${base}/etc/key`]: 'k',
      [`${base}/etc/link`]: { link: 'key' },
    });
    expect(overlays[0]?.entries).toEqual([
      { path: 'etc', kind: 'directory', mode: 0o2750 },
      expect.objectContaining({ path: 'etc/key', mode: 0o600, owner: 'root:ssl-cert' }),
      expect.objectContaining({ path: 'etc/link', mode: 0o777, owner: '0:0' }),
    ]);
  });

  it('come in the order of the phases', () => {
    const { overlays } = mine({ [`${base}/a`]: '', [`${MINE}/overlay/setup/b`]: '' });
    expect(overlays.map(({ phase }) => phase)).toEqual(['setup', 'customize']);
  });
});
