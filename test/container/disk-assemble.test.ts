import { INSIDE } from '../../src/host/mounts.js';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Storage } from '../../src/config/layout.js';
import { planDisks } from '../../src/disk/plan.js';
import { leavesOf } from '../../src/disk/walk.js';
import { assemblerIn, EPOCH, makeTree, PACK, part } from '../support/assembly.js';
import { inBuilder } from '../support/builder.js';
import { filesystem, swap, uefi } from '../support/disk-layouts.js';
import { MIB } from '../support/disk-plans.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const assemble = assemblerIn(directory);

/** Three file systems within each other, swap on a second disk, and a mountpoint that the tree does not have. */
const SIMPLE: Storage = {
  firmware: 'uefi',
  disks: [
    ...uefi([
      part('boot', 64, filesystem('ext4', '/boot', { label: 'boot' })),
      part('data', 32, filesystem('ext4', '/srv/deep/data', { label: 'data' })),
      part('root', 128, filesystem('ext4', '/', { label: 'root' })),
    ]).disks,
    { name: 'swap', table: 'gpt', partitions: [part('swap', 16, swap)] },
  ],
};

/** Start and size of the data at a mountpoint, in MiB. */
function placeOf(storage: Storage, mountpoint: string): [string, string] {
  const leaf = leavesOf(planDisks(storage, 'seed')).find(
    ({ data }) => data.type === 'filesystem' && data.mountpoint === mountpoint,
  );
  if (leaf === undefined) throw new Error(mountpoint);
  return [String(leaf.data.start / MIB), String(leaf.data.bytes / MIB)];
}

/** Runs a script on a file system that has been cut out of a disk as `fs`. */
async function onFilesystem(storage: Storage, work: string, mountpoint: string, script: string): Promise<string> {
  const cut = `dd if="${INSIDE.work}/$1/disks/rootfs.img" of=fs bs=1M skip="$2" count="$3" conv=sparse status=none`;
  return await inBuilder(directory, `cd /tmp; ${cut}; ${script}`, [work, ...placeOf(storage, mountpoint)]);
}

beforeAll(async () => {
  await makeTree(directory);
  expect(await assemble(SIMPLE, 'one')).toBe('');
});

describe('disks assembled in files', () => {
  it('are the same, made again elsewhere and at another time', async () => {
    mkdirSync(path.join(directory, 'far/away'), { recursive: true });
    expect(await assemble(SIMPLE, 'far/away/from')).toBe('');
    for (const disk of ['rootfs.img', 'swap.img']) {
      const [one, other] = ['one', 'far/away/from'].map((work) =>
        readFileSync(path.join(directory, work, 'disks', disk)),
      );
      expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
    }
  });

  it('have holes where nothing is', async () => {
    const used = await inBuilder(directory, `du --block-size=1M ${INSIDE.work}/one/disks/rootfs.img | cut -f 1`);
    expect(Number(used)).toBeLessThan(20);
  });

  it('have a partition table without fault, for two readers', async () => {
    const said = await inBuilder(
      directory,
      `cd ${INSIDE.work}/one/disks; for d in *.img; do sfdisk --verify $d; sgdisk -v $d; done`,
    );
    expect(said.match(/No errors detected/g)).toHaveLength(2);
    expect(said.match(/No problems found/g)).toHaveLength(2);
  });

  it.each([
    ['/', 'bullseye', 'absent', 'absent'],
    ['/', 'bookworm', 'present', 'absent'],
    ['/', 'trixie', 'present', 'present'],
  ])('have a sound ext4 at %s that %s takes', async (mountpoint, suite, seed, orphans) => {
    await assemble(SIMPLE, suite, { suite });
    const said = await onFilesystem(SIMPLE, suite, mountpoint, 'e2fsck -fn fs; dumpe2fs -h fs 2>&1');
    expect(said).toContain('Errors behavior:          Remount read-only');
    expect(said.includes('metadata_csum_seed') ? 'present' : 'absent').toBe(seed);
    expect(said.includes('orphan_file') ? 'present' : 'absent').toBe(orphans);
  });

  it('keep owners, modes, links, times and capabilities', async () => {
    const root = await onFilesystem(
      SIMPLE,
      'one',
      '/',
      `e2fsck -fn fs >/dev/null
      for p in /etc/passwd /usr/bin/su /var/log/journal /boot /srv/deep/data /etc/größe; do debugfs -R "stat $p" fs | grep -E '^Inode|^User|mtime'; done
      debugfs -R 'ea_list /usr/bin/ping' fs; debugfs -R 'ls -p /boot' fs; debugfs -R 'ls -p /etc' fs`,
    );
    expect(root.match(/Mode: {2}[0-7]+/g)).toEqual(
      ['0640', '04755', '02755', '0711', '0755', '0644'].map((mode) => `Mode:  ${mode}`),
    );
    expect(root).toMatch(/User: +0 +Group: +42 /);
    expect(root).toMatch(/User: +3 +Group: +4 /);
    expect(new Set(root.match(/mtime: 0x[0-9a-f]+/g))).toEqual(new Set([`mtime: 0x${EPOCH.toString(16)}`]));
    expect(root).toContain('security.capability (20)');
    expect(root).not.toContain('vmlinuz');
    const boot = await onFilesystem(
      SIMPLE,
      'one',
      '/boot',
      `e2fsck -fn fs; debugfs -R 'dump /vmlinuz k' fs; debugfs -R 'dump /grub/hard h' fs; cmp k ${INSIDE.work}/t/boot/vmlinuz; cmp h k
      debugfs -R 'stat /vmlinuz' fs | grep Links; debugfs -R 'stat /' fs | grep Mode; debugfs -R 'ls -p /' fs; debugfs -R 'stat /link' fs`,
    );
    expect(boot).toContain('Links: 2');
    expect(boot).toContain('Mode:  0711');
    expect(boot).toContain(`/${'long-'.repeat(40)}/`);
    expect(boot).toContain('Fast link dest: "vmlinuz"');
  });

  it('have an ESP with the files of the tree', async () => {
    const said = await onFilesystem(
      SIMPLE,
      'one',
      '/boot/efi',
      'fsck.vfat -n fs; mdir -/ -b -i fs ::; mtype -i fs ::EFI/BOOT/BOOTX64.EFI; blkid -o export fs',
    );
    expect(said).toContain('::/EFI/debian/grub.cfg');
    expect(said).toContain('shim');
    const esp = leavesOf(planDisks(SIMPLE, 'seed'))[0]?.data;
    expect(said).toContain(`UUID=${esp?.type === 'filesystem' ? esp.uuid : ''}`);
    expect(said).toContain('LABEL=ESP');
  });

  it('have swap with its UUID', async () => {
    const said = await inBuilder(directory, `blkid -p -O 1048576 -o export ${INSIDE.work}/one/disks/swap.img`);
    const space = leavesOf(planDisks(SIMPLE, 'seed')).find(({ data }) => data.type === 'swap')?.data;
    expect(said).toContain(`UUID=${space?.type === 'swap' ? space.uuid : ''}`);
    expect(said).toContain('LABEL=swap');
  });

  it('may have a btrfs with subvolumes, compressed', async () => {
    const storage = uefi([part('root', 256, filesystem('btrfs', '/', { compression: 'zstd', snapper: true }))]);
    expect(await assemble(storage, 'btrfs')).toBe('');
    const said = await onFilesystem(storage, 'btrfs', '/', 'btrfs check fs 2>&1; btrfs inspect-internal dump-tree fs');
    expect(said).toContain('no error found');
    expect(said).toMatch(/root ref key .* name @rootfs/);
    expect(said).toMatch(/root ref key .* name @snapshots/);
    expect(said).toContain('extent compression 3 (zstd)');
    expect(said).toContain('name: .snapshots');
  });

  it('tell what is needed when the tree does not fit, and that is enough', async () => {
    const small = (mib: number): Storage => uefi([part('root', mib, filesystem('ext4', '/'))]);
    const said = JSON.parse(await assemble(small(9), 'small')) as Record<string, string>;
    expect(said['error']).toBe('UserError');
    const [, takes] =
      /^partition "root" \(\/\) has 9\.0 MiB, and \d+ files and directories with \d+\.\d MiB do not fit; that takes (\d+)\.\d MiB$/.exec(
        said['message'] ?? '',
      ) ?? [];
    expect(await assemble(small(Number(takes)), 'enough')).toBe('');
  });

  it('tell what a btrfs needs that mkfs.btrfs would let grow over its end', async () => {
    const storage = uefi([part('root', 112, filesystem('btrfs', '/'))]);
    await inBuilder(
      directory,
      `cd ${INSIDE.work}; head -c 150000000 /dev/urandom > t/usr/large; ${PACK}; rm t/usr/large`,
      ['large.tar'],
    );
    const said = JSON.parse(await assemble(storage, 'overfull', { tar: 'large.tar' })) as Record<string, string>;
    expect(said['error']).toBe('UserError');
    expect(said['message']).toMatch(
      /^the btrfs at \/ has 112\.0 MiB, and \d+\.\d MiB are needed for what goes into it, compression not counted$/,
    );
  });

  it('warn of attributes that ext4 does not get', async () => {
    await inBuilder(directory, `cd ${INSIDE.work}; setfattr -n user.note -v x t/etc/passwd; ${PACK}`, [
      'attributes.tar',
    ]);
    expect(JSON.parse(await assemble(SIMPLE, 'attributes', { tar: 'attributes.tar' }))).toEqual({
      type: 'log',
      level: 'warn',
      text: 'ext4 at / gets no extended attributes user.note',
    });
  });

  it('refuse what vfat cannot hold', async () => {
    await inBuilder(directory, `cd ${INSIDE.work}; ln -s x t/boot/efi/link; ${PACK}`, ['link.tar']);
    const said = await assemble(SIMPLE, 'link', { tar: 'link.tar' });
    expect(said).toContain('/boot/efi/link is no file and no directory, and vfat holds nothing else');
  });

  it('refuse one file in two file systems', async () => {
    await inBuilder(directory, `cd ${INSIDE.work}; rm t/boot/efi/link; ln t/boot/vmlinuz t/etc/vmlinuz; ${PACK}`, [
      'two.tar',
    ]);
    expect(await assemble(SIMPLE, 'two', { tar: 'two.tar' })).toContain(
      'are one file and cannot lie in two file systems',
    );
  });
});
