import { chmodSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKOUT, runCommand, type Outcome } from '../support/cli.js';
import { tree } from '../support/tree.js';

const LIBRARY = path.join(CHECKOUT, 'collections/lib.sh');
const DAY = 20_000;

/** A small image with accounts as Debian makes them; `sudo` and `cosmo` are in the way of careless editing. */
function image(): string {
  const root = tree({
    'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\nsshd:x:102:65534::/run/sshd:/usr/sbin/nologin\n',
    'etc/group': 'root:x:0:\nsudo:x:27:zoe\nusers:x:100:\nnogroup:x:65534:\n',
    'etc/shadow': 'root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n',
    'etc/gshadow': 'root:*::\nsudo:*::zoe\nusers:*::\nnogroup:*::\n',
  });
  chmodSync(path.join(root, 'etc/shadow'), 0o640);
  return root;
}

/** Runs lines as a hook would run them. */
async function hook(root: string, script: string, input = ''): Promise<Outcome> {
  const env = { ROOT: root, SCRATCH: root, SOURCE_DATE_EPOCH: String(DAY * 86_400 + 5) };
  return await runCommand(['bash', '--norc', '--posix', '-Eeu', '-c', `. '${LIBRARY}'\n${script}`], { env, input });
}

async function good(root: string, script: string, input = ''): Promise<string> {
  const { code, stdout, stderr } = await hook(root, script, input);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

async function refused(root: string, script: string): Promise<string> {
  const before = databases(root);
  const { code, stderr } = await hook(root, script);
  expect(code).toBe(1);
  expect(databases(root)).toEqual(before);
  return stderr.trim();
}

function database(root: string, name: string): string[] {
  return readFileSync(path.join(root, 'etc', name), 'utf8')
    .trimEnd()
    .split('\n');
}

function databases(root: string): string[][] {
  return ['passwd', 'group', 'shadow', 'gshadow'].map((name) => database(root, name));
}

function entry(root: string, name: string, account: string): string | undefined {
  return database(root, name).find((line) => line.startsWith(`${account}:`));
}

describe('add_group and add_user', () => {
  it('write all four databases and keep their modes', async () => {
    const root = image();
    await good(root, `add_group cosmo 1000\nadd_user cosmo 1000 1000 /home/cosmo /bin/bash 'login user'`);
    expect(entry(root, 'passwd', 'cosmo')).toBe('cosmo:x:1000:1000:login user:/home/cosmo:/bin/bash');
    expect(entry(root, 'group', 'cosmo')).toBe('cosmo:x:1000:');
    expect(entry(root, 'shadow', 'cosmo')).toBe(`cosmo:*:${String(DAY)}::::::`);
    expect(entry(root, 'gshadow', 'cosmo')).toBe('cosmo:!::');
    expect(statSync(path.join(root, 'etc/shadow')).mode & 0o777).toBe(0o640);
  });

  it('change nothing the second time', async () => {
    const root = image();
    const script = `add_group cosmo 1000\nadd_user cosmo 1000 1000 /home/cosmo /bin/bash x\nadd_member sudo cosmo`;
    await good(root, script);
    const before = databases(root);
    await good(root, script);
    expect(databases(root)).toEqual(before);
  });

  it('correct home, shell, comment and group of a user that is there, and keep the password', async () => {
    const root = image();
    await good(
      root,
      `add_group a 500\nadd_group b 501\nadd_user a 500 500 /a /bin/sh a\nset_password a s`,
      '$y$hash\n',
    );
    await good(root, `add_user a 500 501 /b /bin/bash 'new name'`);
    expect(entry(root, 'passwd', 'a')).toBe('a:x:500:501:new name:/b:/bin/bash');
    expect(entry(root, 'shadow', 'a')).toBe(`a:$y$hash:${String(DAY)}::::::`);
  });

  it('take an id for a user whose group is there already', async () => {
    const root = image();
    await good(root, `add_group messagebus 101\nadd_user messagebus 101 101 /nonexistent /usr/sbin/nologin Bus`);
    expect(entry(root, 'passwd', 'messagebus')).toBe('messagebus:x:101:101:Bus:/nonexistent:/usr/sbin/nologin');
  });

  it('leave the passwords to passwd and group while shadow and gshadow do not exist', async () => {
    const root = tree({ 'etc/passwd': 'root:*:0:0::/root:/bin/sh\n', 'etc/group': 'root:*:0:\n' });
    await good(root, `add_group a 500\nadd_user a 500 500 /a /bin/sh a\nadd_member a a`);
    expect(entry(root, 'passwd', 'a')).toBe('a:*:500:500:a:/a:/bin/sh');
    expect(entry(root, 'group', 'a')).toBe('a:!:500:a');
  });

  it.each([
    ['add_group new 27', 'error: id 27 for group new is taken by group sudo'],
    ['add_group sudo 28', 'error: group sudo has the id 27 already, it cannot get 28'],
    [`add_user new 102 100 / /bin/sh ''`, 'error: id 102 for user new is taken by user sshd'],
    [`add_user sshd 103 100 / /bin/sh ''`, 'error: user sshd has the id 102 already, it cannot get 103'],
    [`add_user root 1000 0 / /bin/sh ''`, 'error: user root has the id 0 already, it cannot get 1000'],
    [`add_user new 500 501 / /bin/sh ''`, 'error: user new: there is no group with the id 501'],
    [
      `add_user new 500 100 / /bin/sh 'a:b'`,
      'error: user new: home, shell and comment cannot hold a colon or a line break',
    ],
    ['add_group New 500', 'error: "New" is no name for a group'],
    ['add_group new x', 'error: "x", the id of new, is no number'],
    ['add_member wheel root', 'error: there is no group wheel'],
    ['add_member sudo cosmo', 'error: group sudo: there is no user cosmo'],
  ])('refuse %s', async (script, message) => {
    expect(await refused(image(), script)).toBe(message);
  });
});

describe('add_member', () => {
  const USERS = ['cos', 'cosmo', 'ctrl'];
  const accounts = USERS.map(
    (name, index) =>
      `add_group ${name} 50${String(index)}\nadd_user ${name} 50${String(index)} 50${String(index)} / /bin/sh ''\n`,
  ).join('');

  it('adds to groups that packages made, sorted, in group and gshadow', async () => {
    const root = image();
    await good(root, `${accounts}add_group zoe 510\nadd_member sudo ctrl cosmo`);
    expect(entry(root, 'group', 'sudo')).toBe('sudo:x:27:cosmo,ctrl,zoe');
    expect(entry(root, 'gshadow', 'sudo')).toBe('sudo:*::cosmo,ctrl,zoe');
  });

  it('knows names exactly: cos is no member because cosmo is one', async () => {
    const root = image();
    await good(root, `${accounts}add_member users cosmo\nadd_member users cos`);
    expect(entry(root, 'group', 'users')).toBe('users:x:100:cos,cosmo');
  });

  it('gives the same in whatever order', async () => {
    const [one, other] = [image(), image()];
    await good(one, `${accounts}add_member users cos\nadd_member users ctrl cosmo`);
    await good(other, `${accounts}add_member users ctrl\nadd_member users cosmo cos ctrl`);
    expect(databases(one)).toEqual(databases(other));
  });

  it('mends a group without an entry in gshadow', async () => {
    const root = image();
    await good(root, `${accounts}sed -i /^users:/d "$ROOT/etc/gshadow"\nadd_member users cos`);
    expect(entry(root, 'gshadow', 'users')).toBe('users:!::cos');
  });
});

describe('set_password', () => {
  const password = async (text: string, seed = 'host', user = 'root'): Promise<string> => {
    const root = image();
    await good(root, `set_password ${user} ${seed}`, text);
    const [, hash = '', day] = (entry(root, 'shadow', user) ?? '').split(':');
    expect(day).toBe(String(DAY));
    return hash;
  };

  it('hashes a clear password with yescrypt, the same way each time', async () => {
    const hash = await password('install\n');
    expect(hash).toMatch(/^\$y\$j9T\$[./0-9A-Za-z]{32}\$[./0-9A-Za-z]{43}$/);
    expect(await password('install')).toBe(hash);
    const check = `perl -e 'exit(crypt($ARGV[0], $ARGV[1]) ne $ARGV[1])' install '${hash}'`;
    expect((await runCommand(['sh', '-c', check])).code).toBe(0);
  });

  it('has another salt for another user or seed, and the same for another password', async () => {
    const salt = (hash: string): string => hash.split('$')[3] ?? '';
    const first = salt(await password('install'));
    expect(salt(await password('install', 'other'))).not.toBe(first);
    expect(salt(await password('install', 'host', 'sshd'))).not.toBe(first);
    expect(salt(await password('other'))).toBe(first);
  });

  it.each([
    ['', '*'],
    ['\n', '*'],
    ['*', '*'],
    ['!', '!'],
    ['$6$salt$hash\n', '$6$salt$hash'],
  ])('turns %j into %s', async (text, hash) => {
    expect(await password(text)).toBe(hash);
  });

  it('does not take for a hash what would break the file', async () => {
    expect(await password('$not:a hash')).toMatch(/^\$y\$/);
  });

  it('refuses users that do not exist', async () => {
    expect(await refused(image(), 'set_password nobody s')).toBe('error: there is no user nobody in /etc/shadow');
  });
});

describe('lookups', () => {
  it('find entries of exactly that name or id', async () => {
    const root = image();
    expect(await good(root, 'passwd_field sshd 3; group_field sudo 3; account_of group 100')).toBe('102\n27\nusers\n');
    expect(await good(root, 'passwd_field ssh 3; group_field sud 3; account_of passwd 10')).toBe('');
  });
});
