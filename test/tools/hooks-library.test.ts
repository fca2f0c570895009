import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKOUT, runCommand, type Outcome } from '../support/cli.js';
import { tree, type Leaf } from '../support/tree.js';

const BASE = path.join(CHECKOUT, 'collections/base');

/** Runs lines as a hook of base would run them. */
async function hook(root: string, script: string, more: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const scratch = path.join(root, '.scratch');
  mkdirSync(scratch, { recursive: true });
  const env = { ROOT: root, SCRATCH: scratch, FILES: `${BASE}/files`, SOURCE_DATE_EPOCH: '1700000000', ...more };
  return await runCommand(
    ['bash', '--norc', '--posix', '-Eeu', '-c', `. '${CHECKOUT}/collections/lib.sh'\n${script}`],
    { env },
  );
}

/** Runs lines in a new image, and gives the directory of that. */
async function inImage(files: Readonly<Record<string, Leaf>>, script: string, env = {}): Promise<string> {
  const root = tree(files);
  const { code, stderr } = await hook(root, script, env);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return root;
}

async function complaint(files: Readonly<Record<string, Leaf>>, script: string): Promise<string> {
  const { code, stderr } = await hook(tree(files), script);
  expect(code).toBe(1);
  return stderr.trim();
}

const read = (root: string, file: string): string => readFileSync(path.join(root, file), 'utf8');

describe('files', () => {
  it('are written with their directories and mode, whatever the umask', async () => {
    const root = await inImage({}, 'umask 077\necho x | write_file /etc/a/b\necho y | write_file etc/c 0600');
    expect(read(root, 'etc/a/b')).toBe('x\n');
    expect(statSync(path.join(root, 'etc/a/b')).mode & 0o777).toBe(0o644);
    expect(statSync(path.join(root, 'etc/a')).mode & 0o777).toBe(0o755);
    expect(statSync(path.join(root, 'etc/c')).mode & 0o777).toBe(0o600);
  });

  it('replace a link instead of following it', async () => {
    const root = await inImage({ 'etc/resolv.conf': { link: '/etc/hostname' } }, 'echo x | write_file etc/resolv.conf');
    expect(lstatSync(path.join(root, 'etc/resolv.conf')).isFile()).toBe(true);
  });

  it('end the hook when what makes their content fails', async () => {
    const { code, stdout } = await hook(
      tree({}),
      'content() { echo new; false; }\ncontent | write_file etc/b\necho on',
    );
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  it('go through links inside of the image, and never out of it', async () => {
    const inside = { 'usr/lib/x': '', lib: { link: 'usr/lib' } };
    expect(read(await inImage(inside, 'echo y | write_file lib/y'), 'usr/lib/y')).toBe('y\n');
    const outside = { 'var/run': { link: '/run' }, 'var/up': { link: '../../..' } };
    expect(await complaint(outside, 'echo y | write_file var/run/y')).toMatch(
      /var\/run\/y leads out of the image: .* is a link to \/run/,
    );
    expect(await complaint(outside, 'remove var/up/y')).toContain('leads out of the image');
    expect(await complaint({}, 'make_dir etc/../../y')).toBe('error: etc/../../y contains ..');
  });

  it('get lines once', async () => {
    const root = await inImage(
      { 'etc/a': 'one.\n' },
      `append_line etc/a one two -e\nappend_line etc/a one\nappend_line etc/b x`,
    );
    expect(read(root, 'etc/a')).toBe('one.\none\ntwo\n-e\n');
    expect(read(root, 'etc/b')).toBe('x\n');
  });
});

describe('units', () => {
  const UNITS = {
    'lib/systemd/system/a.service': '',
    'usr/lib/systemd/system/b@.service': '',
    'usr/lib/systemd/system/c.socket': '',
    'etc/init.d/d': { program: '' },
    'etc/systemd/system/own.service': '',
    'etc/systemd/system/alias.service': { link: '/nowhere' },
  };

  it.each(['a', 'a.service', 'b@.service', 'b@tty1.service', 'c.socket', 'd', 'own', 'alias'])(
    'there is %s',
    async (name) => {
      await inImage(UNITS, `unit_exists ${name}`);
    },
  );

  it.each(['c', 'b', 'a.timer', 'x'])('there is no %s', async (name) => {
    expect((await hook(tree(UNITS), `unit_exists ${name}`)).code).toBe(1);
    for (const verb of ['enable_unit', 'disable_unit', 'mask_unit']) {
      expect(await complaint(UNITS, `${verb} a ${name}`)).toBe(`error: there is no unit ${name} in the image`);
    }
  });

  it('are masked, ahead of the package as well', async () => {
    const root = await inImage(UNITS, 'mask_unit a b@.service\nmask_unit_ahead later.mount a');
    for (const name of ['a.service', 'b@.service', 'later.mount']) {
      expect(readlinkSync(path.join(root, 'etc/systemd/system', name))).toBe('/dev/null');
    }
    expect(await complaint(UNITS, 'mask_unit own')).toContain('cannot be masked');
  });

  it('are enabled by one call of systemctl, without those with an init script that are enabled already', async () => {
    const script = `in_target() { case $* in *is-enabled*) echo enabled ;; *) echo "$*" >>"$ROOT/calls" ;; esac; }`;
    const root = await inImage(UNITS, `${script}\nenable_unit a c.socket d\nenable_unit d`);
    expect(read(root, 'calls')).toBe('systemctl --quiet enable a c.socket\n');
  });

  it('that are disabled stay so when a first boot applies presets', async () => {
    const list = 'getty@.service disabled disabled\nreboot.target  disabled enabled\n';
    const hookFile = path.join(CHECKOUT, 'collections/systemd/hooks/customize/86-presets.sh');
    const root = await inImage({ list }, `in_target() { cat "$ROOT/list"; }\n. '${hookFile}'`);
    expect(read(root, 'etc/systemd/system-preset/20-imgbuild.preset')).toMatch(
      /^#.*\ndisable getty@\.service\ndisable reboot\.target\n$/,
    );
  });
});

describe('temporary file systems', () => {
  const DISK = '# <file system> <mount point>\nUUID=a /tmp ext4 defaults 0 2\nUUID=b /home/ann ext4 defaults 0 2\n';
  const OPTIONS = {
    OPT_TMPFS_ENABLE: 'true',
    OPT_TMPFS_SHM_SIZE: '10%',
    OPT_TMPFS_TMP_SIZE: '20%',
    OPT_TMPFS_VAR_TMP_SIZE: '20%',
    OPT_TMPFS_RUN_SIZE: '10%',
    OPT_TMPFS_APT_CACHE: 'true',
    OPT_TMPFS_APT_CACHE_SIZE: '50%',
  };
  const mounted = (root: string): string[] =>
    read(root, 'etc/fstab')
      .split('\n')
      .flatMap((line) => /^[^#]\S*\s+(\S+)/.exec(line)?.[1] ?? []);

  it('are mounted where the disk has no file system of its own', async () => {
    const sizes = `. '${BASE}/hooks/customize/02-fstab.sh'`;
    const usual = ['/dev/shm', '/var/tmp', '/run', '/var/cache/apt'];
    expect(mounted(await inImage({ 'etc/fstab': DISK }, sizes, OPTIONS))).toEqual(['/tmp', '/home/ann', ...usual]);
    expect(mounted(await inImage({}, sizes, OPTIONS))).toEqual(['/dev/shm', '/tmp', ...usual.slice(1)]);
  });

  it('are homes that the disk does not hold', async () => {
    const homes = `. "$FILES/accounts.sh"\nfor user in ann anna; do ramdisk_home $user 0 0711 1m exec; done`;
    const root = await inImage({ 'etc/fstab': DISK }, homes);
    expect(mounted(root)).toEqual(['/tmp', '/home/ann', '/home/anna']);
    expect(['ann', 'anna'].map((user) => statSync(path.join(root, 'home', user)).mode & 0o777)).toEqual([0o711, 0o500]);
  });
});

describe('secrets', () => {
  it('are printed when given', async () => {
    const root = tree({ 'secrets/rootPassword': 'hidden\n' });
    const more = { SECRETS: path.join(root, 'secrets') };
    expect((await hook(root, 'secret rootPassword', more)).stdout).toBe('hidden\n');
    expect((await hook(root, 'secret other', more)).code).toBe(1);
    expect((await hook(root, 'secret other || echo none')).stdout).toBe('none\n');
  });
});

describe('authorized keys', () => {
  const KEYS = ['ssh-ed25519 AAAAkey one', 'command="a b" ssh-rsa AAAAkey two'].join('\n');
  // What ssh-keygen of the image says of good keys: a line for each.
  const script = (from: string): string =>
    `. "$FILES/accounts.sh"\nin_target() { cat; }\nauthorize_keys root 0 "$KEYS" '${from}'\ncat "$ROOT/etc/ssh/authorized_keys/root"`;
  const file = async (from: string): Promise<string> => (await hook(tree({}), script(from), { KEYS })).stdout;

  it('are written as they are', async () => {
    expect(await file('')).toBe(`${KEYS}\n`);
  });

  it('are bound to addresses, with their own options kept', async () => {
    expect(await file('192.0.2.0/24\n!192.0.2.9')).toBe(
      'from="192.0.2.0/24,!192.0.2.9" ssh-ed25519 AAAAkey one\nfrom="192.0.2.0/24,!192.0.2.9",command="a b" ssh-rsa AAAAkey two\n',
    );
  });

  it('must all be keys', async () => {
    const { code, stderr } = await hook(tree({}), script('').replace('{ cat; }', '{ head -n 1; }'), { KEYS });
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'error: one of the authorized keys of root is not a key\n' });
  });

  it('may be none, with a warning', async () => {
    const { code, stdout, stderr } = await hook(tree({}), script(''), { KEYS: '' });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toContain('nobody can log in as root by SSH');
  });
});

describe('the minimal root file system', () => {
  const OPTIONS = {
    OPT_ROOTFS_MINIMAL: 'true',
    OPT_ROOTFS_MINIMAL_SHARE: 'true',
    OPT_MAN_ENABLE: 'false',
    OPT_LOCALE_DEFAULT: 'de_AT.UTF-8',
    OPT_LOCALE_GENERATE: 'sr_RS@latin UTF-8',
  };
  const rules = `. '${BASE}/hooks/setup/10-minimal.sh'`;
  const purge = `. '${BASE}/hooks/essential/07-minimal.sh'`;
  const share = (...names: string[]): Record<string, string> =>
    Object.fromEntries(names.map((name) => [`usr/share/${name}`, '']));

  it('keeps copyrights, changelogs and the languages of the locales', async () => {
    const kept = [
      'doc/a/copyright',
      'doc/a/changelog.Debian.gz',
      'locale/locale.alias',
      'locale/de/LC_MESSAGES/a.mo',
      'locale/de_AT/LC_MESSAGES/a.mo',
      'locale/sr@latin/LC_MESSAGES/a.mo',
      'zoneinfo/UTC',
    ];
    const gone = [
      'doc/a/README',
      'doc/b/examples/x',
      'info/a.info',
      'man/man1/a.1',
      'man/de/man1/a.1',
      'locale/fr/LC_MESSAGES/a.mo',
      'locale/de_CH/LC_MESSAGES/a.mo',
    ];
    const root = tree(share(...kept, ...gone));
    expect((await hook(root, rules, OPTIONS)).code).toBe(0);
    expect((await hook(root, purge)).stderr).toBe(
      `removed ${String(gone.length)} files that dpkg's filters leave out\n`,
    );
    const there = [...kept, ...gone].filter((name) => existsSync(path.join(root, 'usr/share', name)));
    expect(there).toEqual(kept);
    expect(existsSync(path.join(root, 'usr/share/doc/b'))).toBe(false);
    expect(read(root, 'etc/dpkg/dpkg.cfg.d/99minimal')).not.toMatch(/[{}]/);
  });

  it('has manual pages, but translated ones, when they are wanted', async () => {
    const root = tree(share('man/man1/a.1', 'man/de/man1/a.1'));
    expect((await hook(root, rules, { ...OPTIONS, OPT_MAN_ENABLE: 'true' })).code).toBe(0);
    await hook(root, purge);
    expect(existsSync(path.join(root, 'usr/share/man/man1/a.1'))).toBe(true);
    expect(existsSync(path.join(root, 'usr/share/man/de'))).toBe(false);
  });

  it('leaves everything when only the first half is wanted, and writes nothing when none is', async () => {
    const root = tree(share('doc/a/README'));
    expect((await hook(root, rules, { ...OPTIONS, OPT_ROOTFS_MINIMAL_SHARE: 'false' })).code).toBe(0);
    await hook(root, purge);
    expect(existsSync(path.join(root, 'usr/share/doc/a/README'))).toBe(true);
    const other = await inImage({}, rules, { ...OPTIONS, OPT_ROOTFS_MINIMAL: 'false' });
    expect(existsSync(path.join(other, 'etc'))).toBe(false);
  });
});

describe('images that init scripts start', () => {
  const image = {
    'usr/share/sysvinit/inittab': '',
    'etc/init.d/ssh': 'program',
    'usr/lib/systemd/system/ssh.socket': '',
  };
  // What would be run in the image is told.
  const script = 'in_target() { echo "$@"; }\nchmod +x "$ROOT/etc/init.d/ssh"\n';

  it('have services by their scripts, and no units', async () => {
    const { code, stdout } = await hook(
      tree(image),
      `${script}enable_unit ssh\ndisable_unit ssh.service\nif unit_exists ssh.socket; then echo socket; fi`,
    );
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'update-rc.d ssh defaults\nupdate-rc.d ssh enable\nupdate-rc.d ssh defaults\nupdate-rc.d ssh disable\n',
    });
  });

  it('cannot start what has no script', async () => {
    expect(await complaint(image, `${script}enable_unit ssh.socket`)).toContain('there is no unit ssh.socket');
  });

  it('fail when a script cannot be enabled', async () => {
    const { code } = await hook(tree(image), `${script}in_target() { false; }\nenable_unit ssh\necho on`);
    expect(code).not.toBe(0);
  });
});

describe('rules for the firewall', () => {
  const rule = "firewall_rule input 'tcp dport 9100 accept' 'udp dport 53 accept'";

  it('go to a file of the collection, once', async () => {
    const files = { 'etc/nftables.d/input/.gitkeep': '' };
    const root = await inImage(files, `${rule}\n${rule}`, { COLLECTION: 'roles/x' });
    expect(read(root, 'etc/nftables.d/input/50-roles-x.nft')).toBe('tcp dport 9100 accept\nudp dport 53 accept\n');
  });

  it('are left out of images without one', async () => {
    expect(existsSync(path.join(await inImage({}, rule, { COLLECTION: 'roles/x' }), 'etc/nftables.d'))).toBe(false);
  });
});
