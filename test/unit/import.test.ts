import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { describeOptions, loadProject } from '../../src/config/load.js';
import { formatProblem, type Problem } from '../../src/errors.js';
import { readAssignments, type Assignment } from '../../src/import/assignments.js';
import { readMeta } from '../../src/import/meta.js';
import { readPackageScript } from '../../src/import/package-script.js';
import { readPermissions } from '../../src/import/permissions.js';
import { runImport, type Result } from '../../src/import/run.js';
import { publishFiles } from '../../src/import/stage.js';
import { settingsOf } from '../../src/import/settings.js';
import { VARIABLES } from '../../src/import/variables.js';
import { CHECKOUT } from '../support/cli.js';
import { CHECKOUT_OF_A_USER } from '../support/dbuild.js';
import { tree, type Leaf } from '../support/tree.js';

function read(text: string): { readonly found: Assignment[]; readonly problems: string[] } {
  const problems: Problem[] = [];
  const found = readAssignments(text, 'p', problems);
  return { found, problems: problems.map(formatProblem) };
}

function values(text: string): string[] {
  const { found, problems } = read(text);
  expect(problems).toEqual([]);
  return found.map(({ name, operator, value }) => `${name}${operator}${value}`);
}

describe('the language of profiles', () => {
  it('knows quotes, comments, several assignments a line and line breaks in quotes', () => {
    expect(values(`A='a'"b \\"c"d # no B=c\nX*=b#c\nC='1\n 2' D?=e=f`)).toEqual([
      'A=ab "cd',
      'X*=b',
      'C=1\n 2',
      'D?=e=f',
    ]);
    expect(values("FOO*=a=b\nEMPTY=\nQ='$A'")).toEqual(['FOO*=a=b', 'EMPTY=', 'Q=$A']);
  });

  it('tells the place of each assignment, and the comment above', () => {
    const { found } = read("\n# Two\n# lines.\nA='x\ny' B=1\n");
    expect(found.map(({ line, col, comment }) => [line, col, comment])).toEqual([
      [4, 1, 'Two lines.'],
      [5, 4, ''],
    ]);
  });

  it.each([
    ["A='x", "p:1:3: the quote ' is not closed"],
    ['A = b', 'p:1:1: "A" is no assignment'],
    ['\n _A=b', 'p:2:2: "_A=b" is no assignment'],
    ['A=http://x', 'p:1:7: the character : needs quotes'],
  ])('refuses %j', (text, message) => {
    expect(read(text).problems.join('\n')).toContain(message);
  });

  it('gives back what was quoted, however', () => {
    const quote = (part: string, how: number): string => {
      if (how === 0 || part === '') return `'${part.replaceAll("'", `'"'"'`)}'`;
      if (how === 1) return `"${part.replaceAll(/["\\]/g, '\\$&')}"`;
      return part
        .split('')
        .map((char) => (/[A-Za-z0-9_]/.test(char) ? char : char === '\n' ? "'\n'" : `\\${char}`))
        .join('');
    };
    const parts = fc.array(fc.tuple(fc.string({ unit: 'grapheme-ascii' }), fc.integer({ min: 0, max: 2 })), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 4 }), (list) => {
        const text = list
          .map((words, n) => `V${String(n)}=${words.map(([part, how]) => quote(part, how)).join('')}`)
          .join('\n');
        expect(values(text)).toEqual(list.map((words, n) => `V${String(n)}=${words.map(([part]) => part).join('')}`));
      }),
    );
  });

  it('never throws, and problems have places', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const problem of read(text).problems) expect(problem).toMatch(/^p:\d+:\d+: /);
      }),
    );
  });
});

function settings(
  text: string,
  before = '',
): { options: Record<string, unknown>; notes: string[]; packages: readonly string[] } {
  const around = { before: read(before).found, own: new Map(), refuse: () => undefined };
  const result = settingsOf(read(text).found, around);
  return {
    options: Object.fromEntries(result.options),
    packages: result.packages,
    notes: result.notes.map((note) => `${note.kind}: ${formatProblem(note)}`),
  };
}

describe('variables', () => {
  it('are all of the options that there are, each', () => {
    const known = new Set(
      describeOptions(loadProject({ programDir: CHECKOUT, cwd: '/nonexistent' })).map(({ name }) => name),
    );
    const missing = Object.values(VARIABLES).flatMap(({ options }) => options.filter((option) => !known.has(option)));
    expect(missing).toEqual([]);
    // 156 that the predecessor declared but those of a profile's own keys, and one that it only mentioned.
    expect(Object.keys(VARIABLES)).toHaveLength(154);
  });

  it('count with their switches', () => {
    const text = "OCONF_WEB_PROXY_APT='http://a:1'\nOCONF_NETCONFIG_IP4_STATIC='192.0.2.1/24'\n";
    expect(settings(text).options).toEqual({});
    expect(settings(text).notes).toHaveLength(2);
    expect(settings('OFEAT_WEB_PROXY_APT=1\nOFEAT_NETCONFIG_IP4_STATIC=1', text).options).toEqual({
      'proxy.apt': 'http://a:1',
      'network.ipv4.addresses': ['192.0.2.1/24'],
    });
  });

  it('add up, have other names, units and forms', () => {
    const { options, packages } = settings(
      "OCONF_HW_BOOT_TYPE=uefi\nOFEAT_BOOT_CMDLINE=1\nOCONF_BOOT_CMDLINE=a\nOCONF_BOOT_CMDLINE=b\nOCONF_PKG_INSTALL='x y'\n" +
        'OFEAT_IFNAMES=0\nOFEAT_HW_ROOT_VG_RAID1=1\nOFEAT_HW_LOG_LV=0\nOCONF_VM_ESXI_OS_TYPE=debian11-64\nOCONF_KERNEL_IMAGE=linux-image-rt-amd64\n',
    );
    expect(options).toEqual({
      'disk.firmware': 'uefi',
      'boot.cmdline': 'quiet a b',
      interfaceNames: 'kernel',
      'disk.raid': true,
      'disk.raidDevices': 1,
      'disk.logSize': '0',
      'vm.osType': 'debian11_64Guest',
      'kernel.flavour': 'none',
    });
    expect(packages).toEqual(['x', 'y', 'linux-image-rt-amd64']);
  });

  it.each([
    ['15', { 'vm.hardwareVersion': 15 }, 0],
    // Of ESXi 6.0, of no ESXi, of none yet.
    ['11', {}, 1],
    ['16', {}, 1],
    ['23', {}, 1],
  ])('keep virtual hardware %s when ESXi has it', (level, expected, lost) => {
    const { options, notes } = settings(`OCONF_VM_ESXI_HW_VERSION=${level}`);
    expect(options).toEqual(expected);
    expect(notes).toHaveLength(lost);
  });

  it('never bring a password in clear along', () => {
    const { options, notes } = settings("OCONF_INSTALL_ROOT_PASSWORD=hunter2\nOCONF_LOGIN_USER_PASSWORD='$6$x$y'");
    expect(options).toEqual({ rootPassword: { env: 'ROOT_PASSWORD' }, 'login.password': { value: '$6$x$y' } });
    expect(JSON.stringify([options, notes])).not.toContain('hunter2');
  });

  it('that are unknown are told with what was meant', () => {
    expect(settings('OCONF_HOSTNAM=x').notes).toEqual([
      'lost: p:1:1: OCONF_HOSTNAM: no such variable is known (did you mean OCONF_HOSTNAME?)',
    ]);
  });
});

describe('parts of collections', () => {
  it('have a meta with lists over several lines', () => {
    expect(readMeta('[collection]\nDEPENDS = a b\n  c\n; x\nAfter: *\nVirtual = true\nFoo = 1\n', 'm')).toMatchObject({
      depends: ['a', 'b', 'c'],
      late: true,
      virtual: true,
      notes: [{ line: 7, kind: 'lost' }],
    });
  });

  it('have package scripts whose conditions can be read, with else and elif', () => {
    const script = `if feat_any "$OFEAT_CRON" "\${OFEAT_RSYSLOG:-0}"; then
  cat <<EOF
a
b
EOF
elif [ -n "\${OCONF_TIMEZONE}" ]; then echo c
else
  echo +d -e
fi
test "$OFEAT_MAN_PAGES" = 1 && printf '%s\\n' m
for x in 1; do echo $x; done
`;
    const { printed, notes } = readPackageScript(script, 's', new Map());
    expect(printed.map(({ when, packages }) => `${when.join(' ')}: ${packages.join(' ')}`)).toEqual([
      'cron.enable: a b',
      'rsyslog.enable: a b',
      '!cron.enable !rsyslog.enable timezone: c',
      '!cron.enable !rsyslog.enable !timezone: d -e',
      'man.enable: m',
    ]);
    expect(notes.map(({ line }) => line)).toEqual([11, 11, 11]);
  });

  it('have permissions in the overlay and beyond', () => {
    const table = 'f 0600 root a\nd u+s - b\nD - 5:6 /c d\nx 1 2 3\n';
    const { entries, hook, notes } = readPermissions(table, 'p', (file) => file < 'c');
    expect(entries).toEqual([{ path: 'a', mode: '0600', owner: 'root:root' }]);
    expect(hook.split('\n').slice(2)).toEqual([
      "in_target chmod 'u+s' '/b'",
      "in_target mkdir -p '/c d'",
      "in_target chown -h '5:6' '/c d'",
      '',
    ]);
    expect(notes.map(({ line }) => line)).toEqual([4]);
  });
});

function imported(
  files: Readonly<Record<string, Leaf>>,
): Result & { readonly at: (file: string) => string; readonly staging: string } {
  const root = tree(files);
  const staging = path.join(tree({}), 'new');
  mkdirSync(staging);
  const result = runImport([root], { programDir: CHECKOUT, staging, output: tree({}) });
  return { ...result, staging, at: (file) => readFileSync(path.join(staging, file), 'utf8') };
}

describe('a checkout of the predecessor', () => {
  it('becomes collections, a profile and defaults, and what is lost is told with its line', () => {
    const { files, notes, problems, at, staging } = imported(CHECKOUT_OF_A_USER);
    expect(problems.map(formatProblem)).toEqual([]);
    const shop = 'collections/local/shop';
    expect(files).toEqual([
      'collections/local/common/collection.yaml',
      `${shop}/collection.yaml`,
      `${shop}/files/dbuild/customize/50-shop.sh`,
      `${shop}/files/dbuild/customize/60-odd.sh`,
      `${shop}/files/dbuild/customize/999-late.sh`,
      `${shop}/files/dbuild/lib/00.sh`,
      `${shop}/files/dbuild/setup/06-users.sh`,
      `${shop}/files/dbuild/shim.sh`,
      `${shop}/files/page.html`,
      `${shop}/hooks/customize/00-permissions.sh`,
      `${shop}/hooks/customize/06-import-accounts.sh`,
      `${shop}/hooks/customize/50-shop.sh`,
      `${shop}/hooks/customize/60-odd.sh`,
      `${shop}/hooks/customize/73-import-environment.sh`,
      `${shop}/hooks/customize/999-late.sh`,
      `${shop}/hooks/customize/9999-import-clean.sh`,
      `${shop}/hooks/essential/06-import-accounts.sh`,
      `${shop}/hooks/setup/06-users.sh`,
      `${shop}/overlay/customize/etc/shop/key`,
      `${shop}/overlay/customize/usr/libexec/shop`,
      'defaults.yaml',
      'profiles/shop.yaml',
    ]);
    expect(parse(at('profiles/shop.yaml'))).toEqual({
      suite: 'bookworm',
      architecture: 'amd64',
      collections: ['targets/lxc', 'shop'],
      options: { hostname: 'shop', shop: { tls: true, password: { value: '$y$j9T$abc$def' } } },
    });
    expect(parse(at('defaults.yaml'))).toEqual({ options: { timezone: 'Etc/UTC' } });
    expect(parse(at(`${shop}/collection.yaml`))).toEqual({
      description: 'Brought over from local/shop of the predecessor.',
      requires: ['base', 'common'],
      after: ['nftables', 'netconfig/systemd-networkd'],
      options: {
        'shop.tls': { type: 'boolean', default: false, help: 'Serve HTTPS.' },
        'shop.address': { type: 'string', default: '[::]', help: 'Where it listens.' },
        'shop.password': { type: 'secret', help: 'Was OCONF_SHOP_PASSWORD.' },
      },
      set: { 'cron.enable': false, 'network.enable': false },
      packages: ['lua5.4', '-nano'],
      conditional: [
        { when: ['shop.tls', '!suite=bullseye'], packages: ['ssl-cert'] },
        { when: '!shop.tls', packages: ['bc'] },
        { when: 'suite=bullseye', packages: ['bc'] },
        { when: 'rsyslog.enable', packages: ['logrotate'] },
      ],
      permissions: [{ path: 'etc/shop/key', mode: '0600', owner: 'root:root' }],
    });
    expect(at(`${shop}/files/dbuild/customize/50-shop.sh`)).toBe(
      CHECKOUT_OF_A_USER[`${shop}/hooks/customize/50-shop.sh`],
    );
    expect(at(`${shop}/hooks/customize/50-shop.sh`)).toContain(
      'OCONF_SHOP_PASSWORD=$({ secret shop.password || :; } | dbuild_hash OCONF_SHOP_PASSWORD)\n',
    );
    const lost = notes.filter(({ kind }) => kind === 'lost');
    expect(existsSync(path.join(staging, `${shop}/overlay/customize/etc/shop/old~`))).toBe(false);
    expect(lost.map((note) => `${path.basename(note.file)}:${String(note.line)}: ${note.message}`)).toEqual([
      'package.list.sh:9: what this prints is not in its text: echo "$OCONF_SHOP_MORE"',
      '60-odd.sh:1: there is no function dbuild_frob',
      '60-odd.sh:2: files in $DBUILD_STAGING_IMG are not published: `outputs` of the profile names what is made',
      '60-odd.sh:3: hooks run in the builder, without a network: keep what this fetches in files/',
      '60-odd.sh:4: no such variable is known: OCONF_SHOP_COLOUR',
      'shop:6: no such variable is known',
    ]);
  });

  it('overwrites nothing without being told', () => {
    const { staging, files } = imported(CHECKOUT_OF_A_USER);
    const output = tree({ 'defaults.yaml': 'mine\n' });
    expect(() => {
      publishFiles(staging, output, files, false);
    }).toThrow(`defaults.yaml in ${output} exists already`);
    expect(existsSync(path.join(output, 'profiles'))).toBe(false);
    publishFiles(staging, output, files, true);
    expect(readFileSync(path.join(output, 'defaults.yaml'), 'utf8')).toContain('timezone: Etc/UTC');
  });

  it('is read no further than what is of the user', () => {
    expect(() => imported({ 'collections/base/meta': '' })).toThrow('has no collection or profile of the predecessor');
    expect(() => imported({ 'web/config': 'A = b' })).toThrow('is no assignment');
  });
});
