import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKOUT, runCommand, type Outcome } from '../support/cli.js';
import { tree, type Leaf } from '../support/tree.js';

const COLLECTIONS = path.join(CHECKOUT, 'collections/firstboot');
const OLD = 'aaaaaaaa-1111-4111-8111-111111111111';
const NEW = 'ffffffff-9999-4999-8999-999999999999';
const STUB = `search.fs_uuid ${OLD} root`.padEnd(511) + '\n';
const UNIT = 'etc/systemd/system/imgbuild-firstboot.service';
const WANTED = 'etc/systemd/system/multi-user.target.wants/imgbuild-firstboot.service';

const MACHINE: Readonly<Record<string, Leaf>> = {
  'boot/grub/grub.cfg': `set source="UUID=${OLD}"\n`,
  'boot/grub/firstboot.cfg': 'set first="boot=imgbuild"\n',
  'boot/imgbuild-firstboot.img': 'cpio',
  'boot/efi/EFI/BOOT/grub.cfg': STUB,
  'boot/efi/EFI/debian/grub.cfg': STUB,
  'usr/lib/imgbuild/firstboot': '#!/bin/sh\n',
  [UNIT]: '[Unit]\n',
  [WANTED]: { link: '/etc/systemd/system/imgbuild-firstboot.service' },
  'run/imgbuild-firstboot.sed': `s/${OLD}/${NEW}/g\n`,
};

function finish(root: string): Promise<Outcome> {
  const script = path.join(COLLECTIONS, 'vm/overlay/customize/usr/lib/imgbuild/firstboot');
  return runCommand(['sh', script], { env: { FIRSTBOOT_TOP: root, FIRSTBOOT_RUN: `${root}/run`, GROW: 'false' } });
}

const read = (root: string, file: string): string => readFileSync(path.join(root, file), 'utf8');

describe('the rest of the first boot', () => {
  it('tells GRUB the new identities, in the very same blocks, and removes what belongs to it', async () => {
    const root = tree(MACHINE);
    const names = ['boot/grub/grub.cfg', 'boot/efi/EFI/BOOT/grub.cfg', 'boot/efi/EFI/debian/grub.cfg'];
    const before = names.map((name) => statSync(path.join(root, name)));
    expect(await finish(root)).toMatchObject({ code: 0, stderr: '' });
    for (const [index, name] of names.entries()) {
      const { ino, size } = statSync(path.join(root, name));
      expect({ ino, size }).toEqual({ ino: before[index]?.ino, size: before[index]?.size });
      expect(read(root, name)).toContain(NEW);
      expect(read(root, name)).not.toContain(OLD);
    }
    expect(readdirSync(path.join(root, 'boot'))).toEqual(['efi', 'grub']);
    expect(readdirSync(path.join(root, 'boot/grub'))).toEqual(['grub.cfg']);
    expect(existsSync(path.join(root, 'usr/lib/imgbuild'))).toBe(false);
    expect(readdirSync(path.join(root, 'etc/systemd/system'))).toEqual(['multi-user.target.wants']);
    expect(readdirSync(path.join(root, 'etc/systemd/system/multi-user.target.wants'))).toEqual([]);
  });

  it('can be done again, after any part of it', async () => {
    const names = Object.keys(MACHINE).filter((name) => !name.startsWith('run/') && !name.endsWith('grub.cfg'));
    for (const missing of names) {
      const root = tree(Object.fromEntries(Object.entries(MACHINE).filter(([name]) => name !== missing)));
      expect(await finish(root), missing).toMatchObject({ code: 0 });
      expect(await finish(root), missing).toMatchObject({ code: 0 });
      expect(read(root, 'boot/grub/grub.cfg')).toContain(NEW);
      expect(existsSync(path.join(root, 'boot/grub/firstboot.cfg'))).toBe(false);
    }
  });

  it('leaves the first boot in place when a file could not be renamed in place', async () => {
    const root = tree({ ...MACHINE, 'run/imgbuild-firstboot.sed': `s/${OLD}/short/g\n` });
    const { code, stderr } = await finish(root);
    expect(code).toBe(1);
    expect(stderr).toContain('would change its length');
    expect(read(root, 'boot/grub/firstboot.cfg')).toBe(MACHINE['boot/grub/firstboot.cfg']);
    expect(existsSync(path.join(root, 'boot/imgbuild-firstboot.img'))).toBe(true);
  });
});

describe('what is left to do on a new machine', () => {
  const sbin = path.join(COLLECTIONS, 'base/overlay/customize/usr/local/sbin');
  const motd = path.join(COLLECTIONS, 'base/overlay/customize/etc/firstboot-motd.d');
  const tasks = Object.fromEntries(
    readdirSync(motd).map((name) => [`etc/firstboot-motd.d/${name}`, readFileSync(path.join(motd, name), 'utf8')]),
  );

  function command(root: string, name: string, ...args: string[]): Promise<Outcome> {
    const env = {
      FIRSTBOOT_ETC: `${root}/etc`,
      FIRSTBOOT_SYS: `${root}/sys`,
      PATH: `${root}/bin:${sbin}:/usr/bin:/bin`,
    };
    const collection = name === 'firstboot-rename-network-interface' ? 'systemd' : 'base';
    const file = path.join(COLLECTIONS, collection, 'overlay/customize/usr/local/sbin', name);
    return runCommand(['sh', file, ...args], { env });
  }

  it('is a name, first of all, in every place that tells it', async () => {
    const root = tree({
      ...tasks,
      'bin/hostname': { program: '#!/bin/sh\nexit 1\n' },
      'etc/hosts': '127.0.0.1\tlocalhost\n127.0.1.1\tstaging\n\n::1\tlocalhost\n',
    });
    const outcome = await command(root, 'firstboot-update-hostname', 'web1.example.org');
    expect(outcome).toMatchObject({ code: 0, stderr: expect.stringContaining('next start') as string });
    expect(read(root, 'etc/hostname')).toBe('web1\n');
    expect(read(root, 'etc/hosts')).toBe('127.0.0.1\tlocalhost\n127.0.1.1\tweb1.example.org web1\n\n::1\tlocalhost\n');
    expect(read(root, 'etc/motd')).not.toContain('update-hostname');
    expect(read(root, 'etc/motd')).toContain('passwd');
  });

  it.each(['', '-x', 'a b', 'a..b', 'a_b', 'a'.repeat(64)])('refuses the name "%s"', async (name) => {
    const root = tree({ ...tasks, 'etc/hosts': '' });
    expect(await command(root, 'firstboot-update-hostname', name)).toMatchObject({ code: 64 });
    expect(existsSync(path.join(root, 'etc/hostname'))).toBe(false);
  });

  it('brings back the message of before when nothing is left', async () => {
    const root = tree({
      'etc/firstboot-motd.d/00-header.motd': 'header\n',
      'etc/firstboot-motd.d/99-footer.motd': '\n',
      'etc/motd.dist': 'as before\n',
      'etc/motd': 'header\n',
    });
    expect(await command(root, 'firstboot-update-motd')).toMatchObject({ code: 0 });
    expect(read(root, 'etc/motd')).toBe('as before\n');
    expect(readdirSync(path.join(root, 'etc'))).toEqual(['motd']);
  });

  it('a network interface gets its name by its address, once', async () => {
    const root = tree({ 'sys/class/net/eth0/address': '02:00:00:00:00:01\n', 'etc/systemd/network/x': '' });
    expect(await command(root, 'firstboot-rename-network-interface', 'eth0', 'lan0')).toMatchObject({ code: 0 });
    expect(read(root, 'etc/systemd/network/10-lan0.link')).toContain('MACAddress=02:00:00:00:00:01\n');
    expect(await command(root, 'firstboot-rename-network-interface', 'eth0', 'lan0')).toMatchObject({ code: 1 });
    expect(await command(root, 'firstboot-rename-network-interface', 'eth9', 'wan0')).toMatchObject({ code: 5 });
    expect(await command(root, 'firstboot-rename-network-interface', 'eth0', '0bad')).toMatchObject({ code: 64 });
  });
});
