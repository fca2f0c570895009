import path from 'node:path';
import { loadProfile, loadProject, type Project } from '../../src/config/load.js';
import type { BuildConfig } from '../../src/config/types.js';
import { ConfigError, formatProblem } from '../../src/errors.js';
import { tree, type Leaf } from './tree.js';

/** A small product: collections with an option of every kind. */
export const PRODUCT: Readonly<Record<string, Leaf>> = {
  'program/collections/base/collection.yaml': `description: What every image has.
options:
  hostname: { type: string, default: debian, pattern: '[a-z0-9-]+', help: Name. }
  login.user: { type: string, default: cosmo, help: Account. }
  login.authorizedKeys: { type: list, default: [], help: Keys. }
  login.uid: { type: integer, default: 1000, min: 1, max: 60000, help: Id. }
  sshd.enable: { type: boolean, default: true, help: SSH. }
  tmp.size: { type: size, default: 120m, help: Size. }
  init: { type: enum, values: [systemd, sysv], default: systemd, help: Init. }
  ports: { type: list, default: ['22'], item: '[0-9]+', accumulate: true, help: Ports. }
  hosts:
    type: records
    fields:
      name: { type: string, required: true }
      addresses: { type: list }
      primary: { type: boolean }
    help: Hosts.
  rootPassword: { type: secret, help: Password. }
packages: [less, nano]
conditional:
  - { when: sshd.enable, packages: [openssh-server] }
  - { when: ['!sshd.enable', 'suite=bookworm|trixie'], packages: [telnetd] }
`,
  'program/collections/lxc/base/collection.yaml': `description: Containers.
requires: [base]
set: { tmp.size: 100m }
packages: [-nano, ifupdown]
`,
  'program/collections/targets/lxc/collection.yaml': `description: All for containers.
bundle: true
requires: [base, lxc/base]
`,
  'program/collections/extra/collection.yaml': `description: Not used by default.
options:
  extra.enable: { type: boolean, default: false, help: Extra. }
  extra.key: { type: secret, help: Key. }
`,
};

/** The profile that tests change. */
export const PROFILE = `suite: bookworm
architecture: amd64
collections: [targets/lxc]
`;

/** A project of the small product (unless files say otherwise) and a user with the given files. */
export function projectOf(files: Readonly<Record<string, Leaf>>): Project {
  const root = tree({ ...PRODUCT, 'user/.keep': '', ...files });
  return loadProject({ programDir: path.join(root, 'program'), cwd: path.join(root, 'user') });
}

/** What the profile `p` of the user means, with these files. */
export function load(files: Readonly<Record<string, Leaf>>, sets: readonly string[] = []): BuildConfig {
  return loadProfile(projectOf({ 'user/profiles/p.yaml': PROFILE, ...files }), 'p', sets);
}

/** Everything that is wrong with the profile `p`, as the user reads it. */
export function problemsOf(files: Readonly<Record<string, Leaf>>, sets: readonly string[] = []): string[] {
  try {
    load(files, sets);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatProblem);
    throw error;
  }
  return [];
}
