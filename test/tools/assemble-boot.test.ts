import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { grubBiosWrites } from '../../src/boot/grub-bios.js';
import type { DiskPlan, FilesystemPlan, PartitionPlan } from '../../src/disk/types.js';
import { bootFiles, bootWrites } from '../../src/exec/assemble-boot.js';
import { routeTar } from '../../src/exec/assemble-route.js';
import { MIB } from '../support/disk-plans.js';
import { tree } from '../support/tree.js';

const boot = Buffer.alloc(512, 'b');
boot.writeUInt16LE(0xaa55, 510);
const core = Buffer.alloc(7001, 'c');
const images = {
  'boot/grub/i386-pc/boot.img': boot,
  'boot/grub/i386-pc/core.img': core,
  'boot/grub/grub.cfg': Buffer.from('other'),
};

function partition(number: number, type: PartitionPlan['type'], mountpoint?: string): PartitionPlan {
  const extents = { start: number * 10 * MIB, bytes: MIB };
  const holder = { number, name: `p${String(number)}`, type, id: '', ...extents };
  if (mountpoint === undefined) return holder;
  const content: FilesystemPlan = {
    ...{ type: 'filesystem', format: 'ext4', label: '', options: [], compression: '', snapper: false, uuid: '' },
    ...{ mountpoint, ...extents },
  };
  return { ...holder, content };
}

function disk(table: DiskPlan['table'], ...partitions: PartitionPlan[]): DiskPlan {
  return { name: 'd', table, id: '', bytes: 100 * MIB, partitions };
}

/** The files that are kept while a tree is dealt out; in pieces of odd sizes. */
async function kept(
  files: Readonly<Record<string, Buffer>>,
  mountpoints: readonly string[],
): Promise<ReturnType<typeof bootFiles>> {
  const root = tree(Object.fromEntries(Object.keys(files).map((name) => [name, ''])));
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(root, name), content);
  const { stdout } = spawnSync('tar', ['--create', '--format=pax', '--sort=name', '-C', root, '.']);
  const wanted = bootFiles();
  let delivered = 0;
  const deliver = (_: number, pieces: readonly Buffer[]): Promise<void> => {
    for (const piece of pieces) delivered += piece.length;
    return Promise.resolve();
  };
  await routeTar(cut(stdout), mountpoints, 1, deliver, wanted);
  // Kept besides, not instead.
  expect(delivered).toBeGreaterThanOrEqual(Object.values(files).reduce((sum, { length }) => sum + length, 0));
  return wanted;
}

async function* cut(stream: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < stream.length; at += 1999) yield await Promise.resolve(stream.subarray(at, at + 1999));
}

describe('what starts a BIOS', () => {
  const gpt = disk('gpt', partition(1, 'bios-boot'), partition(2, 'linux', '/'));

  it.each([[['/']], [['/', '/boot']]])('is taken from the tree as it goes by, to %j', async (mountpoints) => {
    const writes = bootWrites(gpt, await kept(images, mountpoints));
    expect(writes).toEqual(grubBiosWrites(gpt, { boot, core }));
    expect(writes).toHaveLength(2);
  });

  it('goes to the disk with /boot when that has an MBR, and to no other', async () => {
    const files = await kept(images, ['/']);
    const mbr = disk('mbr', partition(1, 'linux', '/'));
    expect(bootWrites(mbr, files)).toEqual(grubBiosWrites(mbr, { boot, core }));
    expect(bootWrites(disk('mbr', partition(1, 'linux', '/srv')), files)).toEqual([]);
    expect(bootWrites(disk('gpt', partition(1, 'linux', '/')), files)).toEqual([]);
  });

  it('is missed where there is a partition for it', async () => {
    const files = await kept({ 'boot/grub/grub.cfg': Buffer.from('other') }, ['/']);
    expect(() => bootWrites(gpt, files)).toThrow('partition "p1" is for GRUB, and the image has none for a BIOS');
    expect(bootWrites(disk('mbr', partition(1, 'linux', '/')), files)).toEqual([]);
  });
});
