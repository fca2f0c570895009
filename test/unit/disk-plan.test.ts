import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkStorage } from '../../src/config/layout-check.js';
import { readyStorage } from '../../src/config/layout-ready.js';
import { planDisks } from '../../src/disk/plan.js';
import type { DiskPlan, Extents, LayerPlan } from '../../src/disk/types.js';
import { leavesOf } from '../../src/disk/walk.js';
import { MIB } from '../support/disk-plans.js';
import { filesystem, storages, swap, uefi } from '../support/disk-layouts.js';

const RUNS = { numRuns: 100 };

/** Pieces of storage that lie side by side in one holder, and the room that they have. */
interface Group {
  readonly room: Extents;
  readonly parts: readonly Extents[];
}

function groupsOf(disk: DiskPlan): Group[] {
  const tail = disk.table === 'gpt' ? MIB : 0;
  const room = { start: MIB, bytes: disk.bytes - MIB - tail };
  const inner = disk.partitions.flatMap(({ content, start, bytes }) =>
    content === undefined ? [] : [{ room: { start, bytes }, parts: [content] }, ...groupsIn(content)],
  );
  return [{ room, parts: disk.partitions }, ...inner];
}

function groupsIn(layer: LayerPlan): Group[] {
  const { start, bytes } = layer;
  const behind = (head: number): Extents => ({ start: start + head, bytes: bytes - head });
  switch (layer.type) {
    case 'filesystem':
    case 'swap':
      return [];
    case 'raid1':
      return [{ room: behind(layer.dataOffset), parts: [layer.content] }, ...groupsIn(layer.content)];
    case 'luks':
      return [{ room: behind(layer.headerBytes), parts: [layer.content] }, ...groupsIn(layer.content)];
    case 'lvm': {
      const volumes = layer.volumes.map((volume) => ({
        start: start + layer.peStart + volume.firstExtent * layer.extentBytes,
        bytes: volume.extents * layer.extentBytes,
      }));
      const contents = layer.volumes.map(({ content }, n) => ({ room: volumes[n] as Extents, parts: [content] }));
      return [{ room: behind(layer.peStart), parts: volumes }, ...contents];
    }
  }
}

/** Everything in a plan that must be its own. */
function identities(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(identities);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    /^(id|uuid|deviceUuid|vgId|pvId)$/.test(key) ? [String(inner)] : identities(inner),
  );
}

describe('planDisks', () => {
  it('takes all that the checks take', () => {
    fc.assert(
      fc.property(storages, (storage) => {
        expect(checkStorage(storage)).toEqual([]);
        expect(() => planDisks(storage, 'seed')).not.toThrow();
      }),
      RUNS,
    );
  });

  it('lays nothing over another and nothing outside its holder', () => {
    fc.assert(
      fc.property(storages, (storage) => {
        for (const disk of planDisks(storage, 'seed')) {
          for (const { room, parts } of groupsOf(disk)) {
            let end = room.start;
            for (const part of parts) {
              expect(part.bytes).toBeGreaterThan(0);
              expect(part.start).toBeGreaterThanOrEqual(end);
              end = part.start + part.bytes;
            }
            expect(end).toBeLessThanOrEqual(room.start + room.bytes);
          }
        }
      }),
      RUNS,
    );
  });

  it('aligns disks and partitions to 1 MiB, and data to 4 KiB at the least', () => {
    fc.assert(
      fc.property(storages, (storage) => {
        for (const disk of planDisks(storage, 'seed')) {
          expect(disk.bytes % MIB).toBe(0);
          for (const { start, bytes } of disk.partitions) expect([start % MIB, bytes % MIB]).toEqual([0, 0]);
          for (const { data } of leavesOf([disk])) expect([data.start % MIB, data.bytes % 4096]).toEqual([0, 0]);
        }
      }),
      RUNS,
    );
  });

  it('gives each the size that was asked for, or a little more', () => {
    fc.assert(
      fc.property(storages, (storage) => {
        for (const [index, disk] of planDisks(storage, 'seed').entries()) {
          for (const [n, { bytes }] of disk.partitions.entries()) {
            const wanted = storage.disks[index]?.partitions[n]?.size ?? 0;
            if (wanted !== 'rest') expect(bytes - wanted).toSatisfy((more: number) => more >= 0 && more < MIB);
          }
        }
      }),
      RUNS,
    );
  });

  it('uses all of a disk that has a partition for the rest', () => {
    fc.assert(
      fc.property(storages, (storage) => {
        const [disk] = planDisks(storage, 'seed');
        const last = disk?.partitions.at(-1);
        const used = (last?.start ?? 0) + (last?.bytes ?? 0);
        expect((disk?.bytes ?? 0) - used).toBe(disk?.table === 'gpt' ? MIB : 0);
      }),
      RUNS,
    );
  });

  it('makes identities that are unique, stable, and others for another seed', () => {
    fc.assert(
      fc.property(storages, fc.string(), (storage, seed) => {
        const plans = planDisks(storage, seed);
        const ids = identities(plans);
        expect(new Set(ids).size).toBe(ids.length);
        expect(planDisks(structuredClone(storage), seed)).toEqual(plans);
        const others = new Set(identities(planDisks(storage, `${seed}+`)));
        expect(ids.filter((id) => others.has(id))).toEqual([]);
      }),
      RUNS,
    );
  });

  it('keeps the identities of what stays when something is put before it', () => {
    const root = { name: 'root', type: 'root', size: 900 * MIB, content: filesystem('ext4', '/') } as const;
    const data = { name: 'data', type: 'linux', size: 200 * MIB, content: filesystem('ext4', '/srv') } as const;
    const [before] = planDisks(uefi([root]), 'seed');
    const [after] = planDisks(uefi([data, root]), 'seed');
    const find = (plan: DiskPlan | undefined) => plan?.partitions.find(({ name }) => name === 'root');
    expect(find(after)?.id).toBe(find(before)?.id);
    expect(find(after)?.content).toMatchObject({ uuid: (find(before)?.content as { uuid: string }).uuid });
    expect(find(after)?.start).not.toBe(find(before)?.start);
  });

  it('makes identities in the forms that tools print them', () => {
    const storage = uefi([
      {
        name: 'pv',
        type: 'lvm',
        size: 1024 * MIB,
        content: {
          type: 'lvm',
          name: 'vg0',
          volumes: [{ name: 'root', size: 'rest', content: filesystem('btrfs', '/') }],
        },
      },
    ]);
    const [disk] = planDisks(storage, 'seed');
    const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
    expect(disk?.id).toMatch(uuid);
    expect(disk?.partitions[0]?.content).toMatchObject({
      uuid: expect.stringMatching(/^[0-9A-F]{4}-[0-9A-F]{4}$/) as string,
    });
    const lvm = disk?.partitions[1]?.content;
    expect(lvm).toMatchObject({ vgId: expect.stringMatching(/^[0-9A-Za-z]{32}$/) as string });
  });

  it('names the partitions of an MBR as the kernel does', () => {
    const root = { name: 'root', type: 'root', size: 900 * MIB, content: filesystem('ext4', '/') } as const;
    const [disk] = planDisks({ firmware: 'bios', disks: [{ name: 'rootfs', table: 'mbr', partitions: [root] }] }, 's');
    expect(disk?.id).toMatch(/^[0-9a-f]{8}$/);
    expect(disk?.partitions[0]?.id).toBe(`${disk?.id ?? ''}-01`);
  });
});

describe('readyStorage', () => {
  const OPTIONS = {
    'disk.firmware': 'uefi',
    'disk.size': '0',
    'disk.rootFormat': 'ext4',
    'disk.rootSize': '2G',
    'disk.espSize': '100M',
    'disk.separateBoot': false,
    'disk.bootSize': '1G',
    'disk.swap': 'none',
    'disk.swapSize': '512M',
  };

  it('is nothing for a container', () => {
    expect(readyStorage({ ...OPTIONS, 'disk.firmware': 'none' })).toBeUndefined();
  });

  it('always passes the checks, with the root last on the first disk so that it can grow', () => {
    fc.assert(
      fc.property(
        fc.record({
          'disk.firmware': fc.constantFrom('uefi', 'bios', 'both'),
          'disk.size': fc.constantFrom('0', '20G'),
          'disk.rootFormat': fc.constantFrom('ext4', 'btrfs'),
          'disk.separateBoot': fc.boolean(),
          'disk.swap': fc.constantFrom('none', 'partition', 'disk'),
        }),
        (more) => {
          const storage = readyStorage({ ...OPTIONS, ...more });
          if (storage === undefined) throw new Error('no storage');
          expect(checkStorage(storage)).toEqual([]);
          const [main, second] = planDisks(storage, 'seed');
          expect(main?.partitions.at(-1)).toMatchObject({ name: 'root', content: { mountpoint: '/' } });
          expect(main?.bytes === 20 * 1024 * MIB).toBe(more['disk.size'] === '20G');
          expect(second?.partitions.map(({ content }) => content?.type)).toEqual(
            more['disk.swap'] === 'disk' ? ['swap'] : undefined,
          );
        },
      ),
    );
  });

  it('makes the root exactly as large as asked for, and the disk around it', () => {
    const [disk] = planDisks(readyStorage(OPTIONS) ?? uefi([{ name: 'x', type: 'swap', size: 1, content: swap }]), 's');
    expect(disk?.partitions.map(({ name, start, bytes }) => [name, start / MIB, bytes / MIB])).toEqual([
      ['esp', 1, 100],
      ['root', 101, 2048],
    ]);
    expect(disk?.bytes).toBe(2150 * MIB);
  });
});
