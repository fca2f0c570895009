import { describe, expect, it } from 'vitest';
import { PROFILE, problemsOf } from '../support/config.js';
import type { Leaf } from '../support/tree.js';

const profile = (text: string): Readonly<Record<string, Leaf>> => ({ 'user/profiles/p.yaml': text });

/** Problems of the profile with further lines. */
const withLines = (...lines: string[]): string[] => problemsOf(profile(`${PROFILE}${lines.join('\n')}\n`));

/** Problems of the profile with a collection `mine` of the user, which is part of it. */
function withMine(text: string, files: Readonly<Record<string, Leaf>> = {}): string[] {
  return problemsOf({
    ...profile(PROFILE.replace('targets/lxc', 'targets/lxc, mine')),
    'user/collections/local/mine/collection.yaml': `description: Mine.\nrequires: [base]\n${text}`,
    ...files,
  });
}

const MINE = 'collections/local/mine';

describe('a profile', () => {
  it('without fault has no problems', () => {
    expect(problemsOf({})).toEqual([]);
  });

  it.each<[string, string, string[]]>([
    [
      'that is empty',
      '',
      [
        'profiles/p.yaml:1:1: expected a mapping, found nothing',
        'profiles/p.yaml:1:1: missing key "suite"',
        'profiles/p.yaml:1:1: missing key "architecture"',
        'profiles/p.yaml:1:1: missing key "collections"',
      ],
    ],
    [
      'that is a list',
      '- a\n',
      [
        'profiles/p.yaml:1:1: expected a mapping, found a list',
        'profiles/p.yaml:1:1: missing key "suite"',
        'profiles/p.yaml:1:1: missing key "architecture"',
        'profiles/p.yaml:1:1: missing key "collections"',
      ],
    ],
    ['without a suite', 'architecture: amd64\ncollections: [base]\n', ['profiles/p.yaml:1:1: missing key "suite"']],
    [
      'for an unknown suite',
      PROFILE.replace('bookworm', 'bokworm'),
      [
        'profiles/p.yaml:1:8: suite: "bokworm" is not one of bullseye, bookworm, trixie, forky, sid (did you mean "bookworm"?)',
      ],
    ],
    [
      'for an unknown machine',
      PROFILE.replace('amd64', 'x86'),
      ['profiles/p.yaml:2:15: architecture: "x86" is not one of amd64, arm64, armhf, riscv64, i386'],
    ],
    ['with a duplicate key', `${PROFILE}suite: bookworm\n`, ['profiles/p.yaml:4:1: Map keys must be unique']],
    [
      'with an unknown collection',
      PROFILE.replace('targets/lxc', 'base, bse'),
      ['profiles/p.yaml:3:21: collections[1]: unknown collection "bse" (did you mean "base"?)'],
    ],
    [
      'with a collection that is a number',
      PROFILE.replace('targets/lxc', 'base, 7'),
      ['profiles/p.yaml:3:21: collections[1]: expected text, found the number 7'],
    ],
    [
      'with a name that leads elsewhere',
      PROFILE.replace('targets/lxc', '../base'),
      [
        'profiles/p.yaml:3:15: collections[0]: "../base" is not the name of a collection',
        'profiles/p.yaml:3:15: collections[0]: unknown collection "../base"',
      ],
    ],
  ])('%s', (_, text, problems) => {
    expect(problemsOf(profile(text))).toEqual(problems);
  });

  it.each<[string, string[], string[]]>([
    ['unknown keys', ['pakages: [x]'], ['4:1: pakages: unknown key "pakages" (did you mean "packages"?)']],
    [
      'unknown outputs',
      ['outputs: [tar.gz]'],
      [
        '4:11: outputs[0]: "tar.gz" is not one of tar.zst, squashfs, erofs, dir, oci.tar, incus, incus-split, raw, raw.zst, qcow2, vhdx, vhd, vmdk, ova',
      ],
    ],
    ['no outputs at all', ['outputs: []'], ['4:10: outputs: must have at least one entry']],
    [
      'wrong packages',
      ['packages: [Foo, "a b"]'],
      [
        '4:12: packages[0]: "Foo" is not the name of a package',
        '4:17: packages[1]: "a b" is not the name of a package',
      ],
    ],
    ['options that are no mapping', ['options: [a]'], ['4:10: options: expected a mapping, found a list']],
    [
      'unknown options',
      ['options: { hostnam: x }'],
      ['4:12: options.hostnam: unknown option "hostnam" (did you mean "hostname"?)'],
    ],
    [
      'unknown options of a group',
      ['options:', '  login:', '    usr: bob'],
      ['6:5: options.login.usr: unknown option "login.usr" (did you mean "login.user"?)'],
    ],
    [
      'unknown groups',
      ['options:', '  logn: { user: bob }'],
      ['5:3: options.logn: unknown option "logn" (did you mean "login"?)'],
    ],
    [
      'groups as if they were options',
      ['options: { login: bob, extra: true }'],
      [
        '4:12: options.login: "login" is a group of options, not an option (use login.user, login.authorizedKeys or login.uid)',
        '4:24: options.extra: "extra" is a group of options, not an option (use extra.enable or extra.key)',
      ],
    ],
    [
      'wrong types',
      ['options: { login.user: 5, sshd: { enable: yes } }'],
      [
        "4:24: options.login.user: expected text, found the number 5 (write '5', with quotes)",
        '4:43: options.sshd.enable: expected true or false, found the text "yes" (write true, without quotes)',
      ],
    ],
    ['empty values', ['options:', '  hostname:'], ['5:3: options.hostname: expected text, found nothing']],
    [
      'options that are set twice',
      ['options: { login.user: a, login: { user: b } }'],
      ['4:36: options.login.user: option "login.user" is set twice'],
    ],
    [
      'wrong enum values',
      ['options: { init: sysvv }'],
      ['4:18: options.init: "sysvv" is not one of systemd, sysv (did you mean "sysv"?)'],
    ],
    [
      'options of other collections',
      ['options: { extra.enable: true }'],
      [
        '4:12: options.extra.enable: option "extra.enable" is declared by collection "extra", which is not part of this profile (add extra to collections)',
      ],
    ],
    [
      'wrong records',
      ['options:', '  hosts:', '    - { name: a }', '    - { nam: b }'],
      [
        '7:7: options.hosts[1]: missing field "name"',
        '7:14: options.hosts[1].nam: unknown field "nam" (did you mean "name"?)',
      ],
    ],
    [
      'secrets that are none',
      ['options: { rootPassword: 5 }'],
      [
        '4:26: options.rootPassword: a secret is text, { env: NAME }, { file: PATH } or { command: COMMAND } (put it in quotes)',
      ],
    ],
    [
      'secrets from nowhere',
      ['options: { rootPassword: { envv: X } }'],
      [
        '4:26: options.rootPassword: a secret is text, { env: NAME }, { file: PATH } or { command: COMMAND } (did you mean "env"?)',
      ],
    ],
    [
      'syntax errors',
      ['options: { a'],
      [
        '4:12: options.a: unknown option "a"',
        '5:1: Flow map in block collection must be sufficiently indented and end with a }',
      ],
    ],
  ])('with %s', (_, lines, problems) => {
    expect(withLines(...lines)).toEqual(problems.map((problem) => `profiles/p.yaml:${problem}`));
  });

  it('is told everything at once, in all its files', () => {
    const files = {
      'user/profiles/p.yaml': `extends: base.yaml\nsuit: x\noptions: { hostname: 1 }\n`,
      'user/profiles/base.yaml': `${PROFILE}packages: [A]\n`,
      'user/defaults.yaml': 'optons: {}\noptions: { nothing.here: 1 }\n',
      'program/collections/lxc/base/collection.yaml':
        'description: x\nrequires: [base]\nset: { tmp.size: huge }\nfoo: 1\n',
    };
    expect(problemsOf(files, ['login.uid=x'])).toEqual([
      'profiles/base.yaml:4:12: packages[0]: "A" is not the name of a package',
      'profiles/p.yaml:2:1: suit: unknown key "suit" (did you mean "suite"?)',
      "profiles/p.yaml:3:22: options.hostname: expected text, found the number 1 (write '1', with quotes)",
      'defaults.yaml:1:1: optons: unknown key "optons"',
      'defaults.yaml:2:12: options.nothing.here: unknown option "nothing.here"',
      expect.stringMatching(/lxc\/base\/collection.yaml:3:18: set.tmp.size: "huge" is not a size/),
      expect.stringMatching(/lxc\/base\/collection.yaml:4:1: foo: unknown key "foo"$/),
      '--set login.uid: expected a whole number, found the text "x"',
    ]);
  });

  it.each(['local/own', 'collections/local/own'])('that names a collection by its path %s is told its name', (name) => {
    const files = {
      ...profile(PROFILE.replace('targets/lxc', name)),
      'user/collections/local/own/collection.yaml': 'description: Own.\n',
    };
    expect(problemsOf(files)).toEqual([
      `profiles/p.yaml:3:15: collections[0]: unknown collection "${name}" (did you mean "own"?)`,
    ]);
  });

  it('is not blamed for options that an unknown collection may declare', () => {
    const text = `${PROFILE.replace('targets/lxc', 'base, extr')}options: { extra.enable: true }\n`;
    expect(problemsOf(profile(text))).toEqual([
      'profiles/p.yaml:3:21: collections[1]: unknown collection "extr" (did you mean "extra"?)',
    ]);
  });

  it.each<[string, string]>([
    ['login.usr=x', 'login.usr: unknown option "login.usr" (did you mean "login.user"?)'],
    [
      'login=3',
      'login: "login" is a group of options, not an option (use login.user, login.authorizedKeys or login.uid)',
    ],
    ['hostname', 'hostname: expected name=value'],
    ['hostname=A', 'hostname: "A" does not match [a-z0-9-]+'],
    [
      'extra.enable=true',
      'extra.enable: option "extra.enable" is declared by collection "extra", which is not part of this profile (add extra to collections)',
    ],
    [
      'rootPassword=s3cret',
      'rootPassword: a secret does not belong on the command line (write --set rootPassword=env:NAME, file:PATH or command:COMMAND)',
    ],
  ])('with --set %s', (argument, problem) => {
    const problems = problemsOf({}, [argument]);
    expect(problems).toEqual([`--set ${problem}`]);
    expect(problems.join('\n')).not.toContain('s3cret');
  });
});

describe('extends', () => {
  it('is followed by path, and a missing file is told with the nearest', () => {
    expect(problemsOf({ 'user/profiles/p.yaml': 'extends: bsae.yaml\n', 'user/profiles/base.yaml': PROFILE })).toEqual([
      'profiles/p.yaml:1:1: missing key "suite"',
      'profiles/p.yaml:1:1: missing key "architecture"',
      'profiles/p.yaml:1:1: missing key "collections"',
      'profiles/p.yaml:1:10: extends: there is no profile bsae.yaml (did you mean "base.yaml"?)',
    ]);
  });

  it('in a circle shows the way', () => {
    const files = { 'user/profiles/p.yaml': `extends: a\n${PROFILE}`, 'user/profiles/a.yaml': 'extends: p.yaml\n' };
    expect(problemsOf(files)).toEqual([
      'profiles/a.yaml:1:10: extends: profiles extend each other: profiles/p.yaml → profiles/a.yaml → profiles/p.yaml',
    ]);
  });
});

describe('a collection', () => {
  it.each<[string, string, string[]]>([
    ['with unknown keys', 'reqires: [base]', ['3:1: reqires: unknown key "reqires"']],
    [
      'with unknown keys of an option',
      'options: { a: { type: boolean, defalt: true, help: h } }',
      [
        '3:15: options.a: missing key "default"',
        '3:32: options.a.defalt: unknown key "defalt" (did you mean "default"?)',
      ],
    ],
    [
      'with an unknown type',
      'options: { a: { type: bool, default: true, help: h } }',
      [
        '3:23: options.a.type: type must be one of boolean, integer, string, enum, list, size, timezone, records, secret: did you mean "boolean"?',
      ],
    ],
    [
      'with a wrong default',
      'options: { a: { type: integer, default: 9, max: 5, help: h } }',
      ['3:41: options.a.default: must be at most 5'],
    ],
    [
      'with a bad name for an option',
      'options: { Foo_bar: { type: secret, help: h } }',
      ['3:12: options.Foo_bar: "Foo_bar" is not a name for an option: dotted camelCase words are'],
    ],
    [
      'that declares what is declared',
      'options: { login.user: { type: secret, help: h } }',
      ['3:12: options.login.user: option "login.user" is already declared by collection "base"'],
    ],
    [
      'that declares a group',
      'options: { login: { type: secret, help: h } }',
      ['3:12: options.login: option "login" and "login.user" cannot both be: one name would be an option and a group'],
    ],
    [
      'that declares the variable of another',
      'options: { login-user: { type: secret, help: h } }',
      ['3:12: options.login-user: option "login-user" and "login.user" are both OPT_LOGIN_USER in hooks'],
    ],
    [
      'that redeclares an option of imgbuild',
      'options: { mergedUsr: { type: secret, help: h } }',
      ['3:12: options.mergedUsr: option "mergedUsr" is already declared by collection "imgbuild"'],
    ],
    [
      'that sets what is unknown',
      'set: { hostnam: x }',
      ['3:8: set.hostnam: unknown option "hostnam" (did you mean "hostname"?)'],
    ],
    [
      'that sets a wrong value',
      'set: { sshd: { enable: 1 } }',
      ['3:24: set.sshd.enable: expected true or false, found the number 1 (write true, without quotes)'],
    ],
    [
      'that sets what it declares',
      'options: { a: { type: boolean, default: true, help: h } }\nset: { a: false }',
      ['4:8: set.a: option "a" is declared here (give its declaration another default)'],
    ],
    ['that sets a secret', 'set: { rootPassword: x }', ['3:8: set.rootPassword: a collection cannot set a secret']],
    [
      'that sets a wrong value of a collection that is not there',
      'set: { extra.enable: 5 }',
      ['3:22: set.extra.enable: expected true or false, found the number 5'],
    ],
    [
      'with a condition on what is unknown',
      'conditional: [{ when: sshd.enabl, packages: [a1] }]',
      ['3:23: conditional[0].when: unknown option "sshd.enabl" (did you mean "sshd.enable"?)'],
    ],
    [
      'with a condition on a group',
      'conditional: [{ when: sshd, packages: [a1] }]',
      ['3:23: conditional[0].when: "sshd" is a group of options, not an option (use sshd.enable)'],
    ],
    [
      'that sets a group',
      `options: {${['1', '2', '3', '4', '5', '6', '7', '8'].map((n) => `many.a${n}: { type: string, help: h }`).join(', ')}}\nset: { many: x }`,
      [
        '4:8: set.many: "many" is a group of options, not an option (use many.a1, many.a2, many.a3, many.a4, many.a5, many.a6 or 2 more)',
      ],
    ],
    [
      'with conditions that never hold',
      'conditional: [{ when: [init=upstart, suite=bokworm, sshd.enable=yes, login.uid=x], packages: [a1] }]',
      [
        '3:24: conditional[0].when[0]: option "init" never is "upstart"',
        '3:38: conditional[0].when[1]: "bokworm" is no suite (did you mean "bookworm"?)',
        '3:53: conditional[0].when[2]: option "sshd.enable" never is "yes"',
        '3:70: conditional[0].when[3]: option "login.uid" never is "x"',
      ],
    ],
    [
      'with something that is no condition',
      'conditional: [{ when: "a > b", packages: [a1] }]',
      ['3:23: conditional[0].when: "a > b" is not a condition: name, !name, name=v1|v2 or !name=v is'],
    ],
    ['with a condition for nothing', 'conditional: [{ packages: [a1] }]', ['3:15: conditional[0]: missing key "when"']],
    ['after an unknown one', 'after: [sytemd]', ['3:9: after[0]: unknown collection "sytemd"']],
    [
      'with permissions of nothing',
      "permissions: [{ path: etc/foo, mode: '0600' }]",
      ['3:23: permissions[0].path: the overlay has no etc/foo'],
    ],
    [
      'with modes that are numbers',
      'permissions: [{ path: etc/foo, mode: 0600 }]',
      ["3:38: permissions[0].mode: expected an octal mode in quotes, such as '0640'"],
    ],
    ['with wrong packages', 'packages: ["+x"]', ['3:12: packages[0]: "+x" is not the name of a package']],
  ])('%s', (_, text, problems) => {
    expect(withMine(`${text}\n`)).toEqual(problems.map((problem) => `${MINE}/collection.yaml:${problem}`));
  });

  it('that pulls in an unknown one shows the way', () => {
    const files = { 'program/collections/lxc/base/collection.yaml': 'description: x\nrequires: [bse]\n' };
    expect(problemsOf(files)).toEqual([
      expect.stringMatching(
        /lxc\/base\/collection.yaml:2:12: requires\[0\]: unknown collection "bse": targets\/lxc → lxc\/base → bse \(did you mean "base"\?\)$/,
      ),
    ]);
  });

  it('in a circle shows the way', () => {
    const problems = withMine('', {
      'user/collections/local/base/collection.yaml': 'description: x\nrequires: [mine]\n',
    });
    expect(problems).toContain(
      'collections/local/base/collection.yaml:2:12: requires[0]: collections wait for each other: base → mine → base',
    );
  });

  it('that is late and required says why that cannot be', () => {
    const files = { 'user/collections/local/late/collection.yaml': "description: x\nafter: '*'\n" };
    expect(withMine('', files)).toEqual([]);
    expect(withMine('wants: [late]\n', files)).toEqual([]);
    const required = { ...files, 'user/collections/local/mine/collection.yaml': 'description: x\nrequires: [late]\n' };
    expect(withMine('', required)).toEqual([
      `${MINE}/collection.yaml:2:12: requires[0]: collections wait for each other: mine → late → mine (late comes after all others (after: '*'))`,
    ]);
  });

  it('that sets an option of a later one is told to come after it', () => {
    const problems = problemsOf({
      ...profile(PROFILE.replace('targets/lxc', 'first, extra')),
      'user/collections/local/first/collection.yaml': 'description: x\nset: { extra.enable: true }\n',
    });
    expect(problems).toEqual([
      'collections/local/first/collection.yaml:2:8: set.extra.enable: option "extra.enable" is declared by collection "extra", which comes later (add extra to requires or after)',
    ]);
  });

  it('that is a bundle has nothing of its own', () => {
    const files = {
      'program/collections/targets/lxc/collection.yaml':
        'description: x\nbundle: true\nrequires: [base]\npackages: [a1]\n',
      'program/collections/targets/lxc/files/x': '',
    };
    expect(problemsOf(files)).toEqual([
      expect.stringMatching(/targets\/lxc\/collection.yaml:2:9: bundle: a bundle has no files of its own$/),
      expect.stringMatching(/targets\/lxc\/collection.yaml:4:1: packages: a bundle has no packages of its own$/),
    ]);
  });

  it('checks its packages.list line by line', () => {
    const list = '# comment\nless # the pager\n\nvim nano\n-nano\nFoo\n';
    expect(withMine('', { [`user/${MINE}/packages.list`]: list })).toEqual([
      `${MINE}/packages.list:6:1: "Foo" is not the name of a package`,
    ]);
  });

  it.each<[string, string, string]>([
    ['hooks/setup/10-a', '', 'collection.yaml:1:1: hooks/setup/10-a is not named like a hook: NN-what.sh'],
    [
      'hooks/custmize/10-a.sh',
      '',
      'collection.yaml:1:1: hooks/custmize is none of the phases setup, extract, essential, customize (did you mean "customize"?)',
    ],
    [
      'overlay/etc/motd',
      '',
      'collection.yaml:1:1: overlay/etc is none of the phases setup, extract, essential, customize',
    ],
    [
      'package.list',
      '',
      'collection.yaml:1:1: "package.list" beside this file means nothing (did you mean "packages.list"?)',
    ],
    [
      'hooks/setup/10-a.sh',
      'true\necho $OPT_HOSTNAM\n',
      'hooks/setup/10-a.sh:2:7: OPT_HOSTNAM is the variable of no option (did you mean "OPT_HOSTNAME"?)',
    ],
    [
      'hooks/setup/10-a.sh',
      'echo "$OPT_EXTRA_ENABLE"\n',
      'hooks/setup/10-a.sh:1:8: OPT_EXTRA_ENABLE belongs to collection "extra", which is not part of this profile (require it, or write ${OPT_EXTRA_ENABLE:-} to do without)',
    ],
    [
      'hooks/setup/10-a.sh',
      'x=$OPT_ROOT_PASSWORD\n',
      'hooks/setup/10-a.sh:1:4: OPT_ROOT_PASSWORD is a secret (use: secret rootPassword)',
    ],
    [
      'hooks/setup/10-a.sh',
      'secret rotPassword\n',
      'hooks/setup/10-a.sh:1:8: unknown secret "rotPassword" (did you mean "rootPassword"?)',
    ],
    [
      'hooks/setup/10-a.sh',
      'x="$(secret hostname)"\n',
      'hooks/setup/10-a.sh:1:13: option "hostname" is not a secret (use: "$OPT_HOSTNAME")',
    ],
    ...['setup', 'extract', 'essential'].map((phase): [string, string, string] => [
      `hooks/${phase}/10-a.sh`,
      'true\nsecret rootPassword | in_target chpasswd\n',
      `hooks/${phase}/10-a.sh:2:8: a hook of phase ${phase} is given no secret (do it in hooks/customize: that layer is not shared)`,
    ]),
    [
      'hooks/setup/10-a.sh',
      'secret "$name"\n',
      'hooks/setup/10-a.sh:1:9: the name of a secret must be written out: only what a hook names is given to it',
    ],
  ])('checks %s: %j', (file, text, problem) => {
    expect(withMine('', { [`user/${MINE}/${file}`]: text })).toEqual([`${MINE}/${problem}`]);
  });
});
