import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { build, imagePath } from '../support/build.js';
import { CHECKOUT } from '../support/cli.js';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF6dEzIRUPUS9YbEX9cUqnyVoCAHVfhAbiYpfJu1dFpO';

/** Every option of `base` that is off in the examples, or has another value there. */
const OPTIONS = `
  hostname: web1.example.org
  timezone: America/Argentina/Salta
  locale: { default: de_DE.UTF-8, generate: [fr_FR.UTF-8] }
  keyboard: { layout: 'de,us', variant: 'nodeadkeys,', options: ['compose:rctrl'] }
  ntp: { enable: true, pool: pool.example.org, servers: [ntp1.example.org] }
  rsyslog.enable: true
  haveged.enable: true
  man.enable: true
  cron.enable: true
  proxy:
    url: http://proxy.example.org:3128
    noProxy: [localhost, .example.org]
    localEnv: true
    apt: http://apt.example.org:3142
  resolvconf: { enable: true, nameservers: [192.0.2.53, '2001:db8::53'], search: [example.org, example.net] }
  interfaceNames: kernel
  tmpfs: { enable: true, aptCache: true, aptCacheSize: 300m }
  login: { groups: [sudo, adm], shell: /usr/bin/fish, authorizedKeys: ['${KEY} bob'] }
  control: { enable: true, from: [192.0.2.0/24, '!192.0.2.7'], authorizedKeys: ['${KEY} ctrl', 'no-pty ${KEY} b'] }
`;

let directory = '';
let names: ReadonlySet<string> = new Set();

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
  const profile = path.join(directory, 'options.yaml');
  const example = path.join(CHECKOUT, 'profiles/examples/deb12/deb12-amd64-lxc.yaml');
  writeFileSync(profile, `extends: ${example}\noptions:${OPTIONS}`);
  const image = imagePath(await build([profile, '--output', path.join(directory, 'out')]));
  const list = execFileSync('tar', ['--list', '--file', image], { encoding: 'utf8', maxBuffer: 64 << 20 });
  names = new Set(list.split('\n').map((name) => name.replace(/^\.\//, '')));
  execFileSync('tar', ['--extract', '--file', image, '--directory', directory, './etc']);
});

afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const read = (file: string): string => readFileSync(path.join(directory, 'etc', file), 'utf8');

it.each<[string, string, string[]]>([
  ['the short host name', 'hostname', ['web1']],
  ['the full host name', 'hosts', ['127.0.1.1\tweb1.example.org web1']],
  ['the time zone', 'timezone', ['America/Argentina/Salta']],
  ['the locale', 'default/locale', ['LANG=de_DE.UTF-8']],
  ['the locales', 'locale.gen', ['de_DE.UTF-8 UTF-8', 'fr_FR.UTF-8 UTF-8']],
  [
    'the keyboard',
    'default/keyboard',
    ['XKBMODEL="pc105"', 'XKBLAYOUT="de,us"', 'XKBVARIANT="nodeadkeys,"', 'XKBOPTIONS="compose:rctrl"'],
  ],
  [
    'the time servers',
    'chrony/sources.d/10-default.sources',
    ['pool pool.example.org iburst', 'server ntp1.example.org iburst'],
  ],
  [
    'the proxy of sessions',
    'environment',
    ['http_proxy=http://proxy.example.org:3128', 'NO_PROXY=localhost,.example.org'],
  ],
  ['the proxy of scripts', 'local-env.d/proxy.sh', ['export HTTPS_PROXY=http://proxy.example.org:3128']],
  ['the proxy of apt', 'apt/apt.conf.d/99proxy', ['Acquire::https::Proxy "http://apt.example.org:3142";']],
  [
    'the name servers',
    'resolv.conf',
    ['search example.org example.net', 'nameserver 192.0.2.53', 'nameserver 2001:db8::53'],
  ],
  ['names of interfaces', 'systemd/network/99-default.link', ['OriginalName=*', 'NamePolicy=']],
  [
    'the tmpfs of apt',
    'fstab',
    ['tmpfs\t/var/cache/apt\ttmpfs\trw,nosuid,nodev,noexec,noatime,mode=0755,size=300m\t0\t0'],
  ],
  ['a shell that is there where the given one is not', 'passwd', ['cosmo:x:1000:1000:login user:/home/cosmo:/bin/sh']],
  ['groups of the login account', 'group', ['adm:x:4:cosmo', 'sudo:x:27:cosmo', 'ssh-shell:x:901:cosmo,ctrl']],
  [
    'where the control account may come from',
    'ssh/authorized_keys/ctrl',
    [`from="192.0.2.0/24,!192.0.2.7" ${KEY} ctrl`, `from="192.0.2.0/24,!192.0.2.7",no-pty ${KEY} b`],
  ],
  ['the rights of the control account', 'sudoers.d/ctrl', ['ctrl ALL=(ALL) EXEC: NOMAIL: NOPASSWD: ALL']],
])('options decide on %s', (_what, file, lines) => {
  expect(read(file).split('\n')).toEqual(expect.arrayContaining(lines));
});

it('options decide on the clock: the link, and no servers but the given ones', () => {
  expect(readlinkSync(path.join(directory, 'etc/localtime'))).toBe('/usr/share/zoneinfo/America/Argentina/Salta');
  expect(names).toContain('usr/share/zoneinfo/America/Argentina/Salta');
  expect(read('chrony/chrony.conf')).not.toMatch(/^\s*(pool|server|peer|sourcedir\s+\/run)\b/m);
});

it.each(['multi-user/chrony', 'multi-user/cron', 'multi-user/rsyslog', 'sysinit/haveged'])('starts %s', (unit) => {
  const [target = '', service = ''] = unit.split('/');
  const link = path.join(directory, `etc/systemd/system/${target}.target.wants/${service}.service`);
  expect(path.basename(readlinkSync(link))).toBe(`${service}.service`);
});

it('keeps manual pages and their index, though the rest of the documentation is left out', () => {
  expect(names).toContain('usr/share/man/man8/chronyd.8.gz');
  expect(names).toContain('var/cache/man/index.db');
  expect([...names].filter((name) => /^usr\/share\/doc\/chrony\/.*(README|NEWS)/.test(name))).toEqual([]);
  expect(existsSync(path.join(directory, 'etc/logrotate.d/rsyslog'))).toBe(true);
});
