import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveProfile } from '../../src/config/load.js';
import { PROFILE, load, projectOf } from '../support/config.js';

describe('what a profile means', () => {
  it('is plain data with everything looked up', () => {
    const config = load({});
    expect(config).toMatchObject({ profile: 'p', suite: 'bookworm', architecture: 'amd64', outputs: ['tar.zst'] });
    expect(config.collections.map(({ name }) => name)).toEqual(['base', 'lxc/base']);
    expect(JSON.parse(JSON.stringify(config))).toEqual(config);
    expect(Object.keys(config.options)).toEqual(Object.keys(config.options).toSorted());
    expect(config.options).toMatchObject({ 'login.user': 'cosmo', 'apt.components': ['main'], hosts: [] });
    expect(config.options).not.toHaveProperty('rootPassword');
  });

  it('does not change from one reading to the next', () => {
    const project = projectOf({ 'user/profiles/p.yaml': PROFILE });
    expect(resolveProfile(project, 'p').config).toEqual(resolveProfile(project, 'p').config);
  });
});

describe('options', () => {
  const files = {
    'user/defaults.yaml': 'options: { login.user: site, tmp.size: 1m, ports: ["80"], extra.enable: true }\n',
    'user/profiles/parent.yaml': `${PROFILE}options: { login: { user: parent, uid: 2000 }, ports: ["443"] }\n`,
    'user/profiles/p.yaml': 'extends: parent.yaml\noptions: { login.uid: 3000, ports: ["8080"] }\n',
  };

  it('take the value of the strongest that gives one', () => {
    expect(load({}).options['tmp.size']).toBe('100m');
    const { options } = load(files);
    expect(options['tmp.size']).toBe('1m');
    expect(options['login.user']).toBe('parent');
    expect(options['login.uid']).toBe(3000);
    expect(load(files, ['login.user=arg', 'login.uid=4000']).options).toMatchObject({
      'login.user': 'arg',
      'login.uid': 4000,
    });
  });

  it('that add up do so from all sides, and other lists are replaced', () => {
    expect(load(files, ['ports=9000,9001']).options['ports']).toEqual(['22', '80', '443', '8080', '9000', '9001']);
    const keys = (profile: string): unknown =>
      load({ 'user/profiles/p.yaml': profile }, ['login.authorizedKeys=b']).options['login.authorizedKeys'];
    expect(keys(`${PROFILE}options: { login.authorizedKeys: [a] }\n`)).toEqual(['b']);
  });

  it('of collections that are not part of the profile may stand in defaults.yaml and are left out', () => {
    expect(load(files).options).not.toHaveProperty('extra.enable');
  });

  it('know where they come from', () => {
    const project = projectOf(files);
    const { origins } = resolveProfile(project, 'p', ['hostname=x']);
    expect(Object.fromEntries(origins)).toEqual({
      'login.user': 'profiles/parent.yaml',
      'login.uid': 'profiles/p.yaml',
      'tmp.size': 'defaults.yaml',
      ports: 'defaults.yaml, profiles/parent.yaml, profiles/p.yaml',
      hostname: '--set',
    });
  });
});

describe('secrets', () => {
  const secretsOf = (value: string, sets: readonly string[] = []): unknown =>
    load({ 'user/profiles/p.yaml': `${PROFILE}options: { rootPassword: ${value} }\n` }, sets).secrets;

  it('come from where the profile says, and stay out of the options', () => {
    expect(load({}).secrets).toEqual({});
    expect(secretsOf('abc')).toEqual({ rootPassword: { value: 'abc' } });
    expect(secretsOf('{ value: $y$j9T$x }')).toEqual({ rootPassword: { value: '$y$j9T$x' } });
    expect(secretsOf('{ env: PW }')).toEqual({ rootPassword: { env: 'PW' } });
    expect(secretsOf('{ command: pass show root }')).toEqual({ rootPassword: { command: 'pass show root' } });
    expect(secretsOf('{ env: PW }', ['rootPassword=command:echo x'])).toEqual({ rootPassword: { command: 'echo x' } });
  });

  it('in files are named from the directory of the file that says so', () => {
    const project = projectOf({ 'user/profiles/p.yaml': `${PROFILE}options: { rootPassword: { file: pw/root } }\n` });
    const file = path.join(project.cwd, 'profiles/pw/root');
    expect(resolveProfile(project, 'p').config.secrets).toEqual({ rootPassword: { file } });
    const given = resolveProfile(project, 'p', ['rootPassword=file:pw']).config.secrets;
    expect(given).toEqual({ rootPassword: { file: path.join(project.cwd, 'pw') } });
  });
});

describe('packages', () => {
  const packagesOf = (lines: string, sets: readonly string[] = []) =>
    load({ 'user/profiles/p.yaml': `${PROFILE}${lines}\n` }, sets).packages;

  it('that collections name are shared, what the profile adds is extra', () => {
    expect(packagesOf('')).toEqual({ shared: ['ifupdown', 'less', 'openssh-server'], extra: [] });
    expect(packagesOf('packages: [htop, less, -openssh-server]')).toEqual({
      shared: ['ifupdown', 'less'],
      extra: ['htop'],
    });
  });

  it('of conditions are shared where they hold without the profile', () => {
    const off = { 'user/defaults.yaml': 'options: { sshd.enable: false }\n' };
    expect(load(off).packages).toEqual({ shared: ['ifupdown', 'less', 'telnetd'], extra: [] });
    const on = { ...off, 'user/profiles/p.yaml': `${PROFILE}options: { sshd.enable: true }\n` };
    expect(load(on).packages).toEqual({ shared: ['ifupdown', 'less'], extra: ['openssh-server'] });
    expect(load(off, ['sshd.enable=true']).packages.extra).toEqual(['openssh-server']);
  });

  it('follow conditions', () => {
    expect(packagesOf('', ['sshd.enable=false']).extra).toEqual(['telnetd']);
    const bullseye = { 'user/profiles/p.yaml': PROFILE.replace('bookworm', 'bullseye') };
    expect(load(bullseye, ['sshd.enable=false']).packages.extra).toEqual([]);
  });

  it('of a platform, which is what decides on formats, leave the shared layer as it is for others', () => {
    const platform = (more: string): string => `description: x\noutputs: [raw.zst]\npackages: [agent${more}]\n`;
    const files = {
      'user/profiles/p.yaml': PROFILE.replace('targets/lxc', 'targets/lxc, platform'),
      'user/collections/local/platform/collection.yaml': platform(', less'),
    };
    expect(load(files).packages).toEqual({ shared: ['ifupdown', 'less', 'openssh-server'], extra: ['agent'] });
  });

  it('that the profile leaves out are not in the shared layer either', () => {
    expect(packagesOf('packages: [-less]').shared).toEqual(['ifupdown', 'openssh-server']);
  });

  it('may be taken out by a collection and put back by a later one', () => {
    expect(packagesOf('packages: [nano]').extra).toEqual(['nano']);
  });

  it('may name a version or a release, by which they are the same package', () => {
    expect(packagesOf('packages: [vim=2:9.1, htop/bookworm-backports, -vim]').extra).toEqual([
      'htop/bookworm-backports',
    ]);
    expect(packagesOf('packages: [less=590-1]').shared).toEqual(['ifupdown', 'less=590-1', 'openssh-server']);
  });

  it('of the site come before those of the profile', () => {
    const files = {
      'user/defaults.yaml': 'packages: [htop, tmux, -less]\n',
      'user/profiles/p.yaml': `${PROFILE}packages: [-htop]\n`,
    };
    expect(load(files).packages).toEqual({ shared: ['ifupdown', 'openssh-server'], extra: ['tmux'] });
  });
});

describe('extends', () => {
  it('adds collections and packages, and overrides the rest', () => {
    const config = load({
      'user/profiles/deep/base.yaml': 'suite: bullseye\narchitecture: arm64\ncollections: [base]\npackages: [a1, a2]\n',
      'user/profiles/middle.yaml':
        'extends: deep/base\nsuite: trixie\ncollections: [lxc/base, base]\npackages: [-a1]\n',
      'user/profiles/p.yaml': 'extends: ./middle.yaml\ncollections: [extra]\n',
    });
    expect(config).toMatchObject({ suite: 'trixie', architecture: 'arm64' });
    expect(config.collections.map(({ name }) => name)).toEqual(['base', 'lxc/base', 'extra']);
    expect(config.packages.extra).toEqual(['a2']);
  });

  it.each([
    ['a path from a profile directory', 'deep/base'],
    ['a path from there with its extension', 'deep/base.yaml'],
    ['a name', 'base'],
  ])('takes %s, the product’s among them', (_, extended) => {
    const base = 'suite: bullseye\narchitecture: arm64\ncollections: [base]\n';
    const files = { 'program/profiles/deep/base.yaml': base, 'user/profiles/p.yaml': `extends: ${extended}\n` };
    expect(load(files)).toMatchObject({ suite: 'bullseye', architecture: 'arm64' });
    const nearer = { ...files, 'user/profiles/deep/base.yaml': base.replace('bullseye', 'trixie') };
    expect(load(nearer)).toMatchObject({ suite: 'trixie' });
  });

  it('of its own name means another one', () => {
    const base = 'suite: bullseye\narchitecture: arm64\ncollections: [base]\n';
    const files = { 'program/profiles/deep/p.yaml': base, 'user/profiles/p.yaml': 'extends: p\n' };
    expect(load(files)).toMatchObject({ suite: 'bullseye', architecture: 'arm64' });
  });

  it('of a name that two have is refused, as for build', () => {
    const base = 'suite: bullseye\narchitecture: arm64\ncollections: [base]\n';
    const files = { 'program/profiles/a/base.yaml': base, 'program/profiles/b/base.yaml': base };
    expect(() => load({ ...files, 'user/profiles/p.yaml': 'extends: base\n' })).toThrow(
      /profile "base" could be .*a\/base\.yaml or .*b\/base\.yaml/,
    );
  });
});
