import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  describeOptions,
  listCollections,
  listProfiles,
  loadProfile,
  loadProject,
  validateCollection,
} from '../../src/config/load.js';
import { UserError } from '../../src/errors.js';
import { PRODUCT, PROFILE, projectOf } from '../support/config.js';
import { thrown } from '../support/thrown.js';
import { tree } from '../support/tree.js';

describe('finding profiles', () => {
  const files = {
    'user/profiles/web.yaml': PROFILE,
    'user/profiles/deep/web.yaml': PROFILE,
    'user/profiles/deep/er/db.yaml': PROFILE,
    'user/profiles/one/same.yaml': PROFILE,
    'user/profiles/two/same.yaml': PROFILE,
    'user/elsewhere/x.yaml': PROFILE,
    'program/profiles/examples/lxc.yaml': PROFILE,
    'user/profiles/bad name.yaml': PROFILE,
    [`user/profiles/${'n'.repeat(81)}.yaml`]: PROFILE,
  };

  it.each([
    ['web', 'web'],
    ['db', 'db'],
    ['lxc', 'lxc'],
    ['profiles/deep/web', 'web'],
    ['./profiles/deep/er/db.yaml', 'db'],
    ['elsewhere/x', 'x'],
    ['profiles/examples/lxc', 'lxc'],
    ['examples/lxc.yaml', 'lxc'],
    ['deep/er/db', 'db'],
  ])('%s', (name, profile) => {
    expect(loadProfile(projectOf(files), name).profile).toBe(profile);
  });

  it('by an absolute path', () => {
    const project = projectOf(files);
    expect(loadProfile(project, path.join(project.cwd, 'elsewhere/x.yaml')).profile).toBe('x');
  });

  it('takes the shallowest of a name', () => {
    const project = projectOf({ ...files, 'user/profiles/deep/web.yaml': 'suite: nonsense\n' });
    expect(loadProfile(project, 'web').suite).toBe('bookworm');
  });

  it.each([
    ['same', /profile "same" could be profiles\/one\/same.yaml or profiles\/two\/same.yaml/, /by its path/],
    ['wbe', /there is no profile "wbe"/, /did you mean "web"/],
    ['nothing-like-it', /there is no profile/, /imgbuild list profiles/],
    ['profiles/deep/wbe', /there is no profile "profiles\/deep\/wbe"/, /did you mean "web"/],
    ['bad name', /cannot be the name of a profile/, /letters/],
    ['n'.repeat(81), /cannot be the name of a profile/, /80 at most/],
  ])('%s is an error', (name, message, hint) => {
    const project = projectOf(files);
    const error = thrown(() => loadProfile(project, name));
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({
      message: expect.stringMatching(message) as string,
      hint: expect.stringMatching(hint) as string,
    });
  });
});

describe('directories', () => {
  it('of the user are searched, too, and a collection of the user replaces one of the product', () => {
    const root = tree({
      ...PRODUCT,
      'p/mine.yaml': PROFILE,
      'c/lxc/base/collection.yaml': 'description: Own.\n',
      'user/collections/local/lxc/base/collection.yaml': 'description: Local.\n',
      'user/x': '',
    });
    const dirs = { programDir: path.join(root, 'program'), cwd: path.join(root, 'user') };
    const local = loadProject({ ...dirs, profileDirs: [path.join(root, 'p')] });
    const own = loadProject({ ...dirs, profileDirs: [path.join(root, 'p')], collectionDirs: [path.join(root, 'c')] });
    expect(loadProfile(local, 'mine').collections.map(({ description }) => description)).toContain('Local.');
    expect(loadProfile(own, 'mine').collections.map(({ description }) => description)).toContain('Own.');
    expect(loadProfile(own, 'mine').roots).toEqual({
      imgbuild: path.join(root, 'program/collections'),
      local: path.join(root, 'user/collections/local'),
      dir1: path.join(root, 'c'),
    });
  });

  it('that do not exist are errors when they were given', () => {
    expect(() => loadProject({ programDir: '/', profileDirs: ['/nowhere/at/all'] })).toThrow(/no directory/);
    expect(() => loadProject({ programDir: '/', collectionDirs: ['/nowhere/at/all'] })).toThrow(/no directory/);
  });

  it('local to a checkout are not collections of the product by a longer name', () => {
    const root = tree({ ...PRODUCT, 'program/collections/local/mine/collection.yaml': 'description: Mine.\n' });
    const project = loadProject({ programDir: path.join(root, 'program'), cwd: path.join(root, 'program') });
    const found = listCollections(project).map(({ name, root: id }) => `${id}:${name}`);
    expect(found).toContain('local:mine');
    expect(found).not.toContain('imgbuild:local/mine');
    expect(project.collections.find('local/mine')).toBeUndefined();
  });
});

describe('lists', () => {
  it('of profiles have what could be read, also of broken ones', () => {
    const project = projectOf({
      'user/profiles/a.yaml': `description: First.\n${PROFILE}`,
      'user/profiles/b.yaml': 'extends: a.yaml\nsuite: trixie\n',
      'user/profiles/c.yaml': 'suite: [\n',
    });
    expect(listProfiles(project)).toEqual([
      { name: 'a', file: 'profiles/a.yaml', description: 'First.', suite: 'bookworm', architecture: 'amd64' },
      { name: 'b', file: 'profiles/b.yaml', description: 'First.', suite: 'trixie', architecture: 'amd64' },
      { name: 'c', file: 'profiles/c.yaml', description: '', suite: '', architecture: '' },
    ]);
  });

  it('of collections tell bundles and what they require', () => {
    expect(listCollections(projectOf({})).map(({ name, bundle, requires }) => [name, bundle, requires])).toEqual([
      ['base', false, []],
      ['extra', false, []],
      ['lxc/base', false, ['base']],
      ['targets/lxc', true, ['base', 'lxc/base']],
    ]);
  });

  it('of options are by name, by group or by collection', () => {
    const project = projectOf({});
    const names = (filter?: string): string[] => describeOptions(project, filter).map(({ name }) => name);
    expect(names('login')).toEqual(['login.authorizedKeys', 'login.uid', 'login.user']);
    expect(names('extra')).toEqual(['extra.enable', 'extra.key']);
    expect(names('apt.mirror')).toEqual(['apt.mirror']);
    expect(names()).toEqual(names().toSorted());
    expect(describeOptions(project, 'login.user')).toEqual([
      expect.objectContaining({ collection: 'base', variable: 'OPT_LOGIN_USER' }),
    ]);
    expect(describeOptions(project, 'rootPassword')[0]?.variable).toBeUndefined();
  });
});

describe('validateCollection', () => {
  it('finds what is wrong with one that no profile uses', () => {
    const project = projectOf({
      'program/collections/extra/hooks/setup/10-a.sh': 'echo $OPT_LOGIN_USER\n',
    });
    expect(validateCollection(project, 'base')).toEqual([]);
    expect(validateCollection(project, 'extra').map(({ message }) => message)).toEqual([
      'OPT_LOGIN_USER belongs to collection "base", which is not part of this profile',
    ]);
  });
});
