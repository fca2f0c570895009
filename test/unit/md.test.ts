import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layerHeaders } from '../../src/disk/headers.js';
import { lvmHeader } from '../../src/disk/lvm2.js';
import { mdSuperblock } from '../../src/disk/md.js';
import type { DiskPlan, LayerPlan, LvmPlan, Raid1Plan } from '../../src/disk/types.js';
import { MIB, raidPlans } from '../support/disk-plans.js';

describe('mdSuperblock', () => {
  it('leaves zero what Linux 6.1 wants to be zero, and the first 4 KiB', () => {
    fc.assert(
      fc.property(raidPlans, (plan) => {
        const head = mdSuperblock(plan, 1);
        expect(head.readUInt32LE(4096 + 0xe0)).toBe(0);
        expect(head.subarray(4096 + 0xe0, 4096 + 0x100).every((byte) => byte === 0)).toBe(true);
        expect(head.subarray(0, 4096).every((byte) => byte === 0)).toBe(true);
      }),
    );
  });

  it('gives the array whole blocks of 4 KiB, whatever the size of the partition', () => {
    fc.assert(
      fc.property(raidPlans, (plan) => {
        const sectors = mdSuperblock(plan, 1).readBigUInt64LE(4096 + 80);
        expect(sectors % 8n).toBe(0n);
        expect(Number(sectors) * 512).toBeLessThanOrEqual(plan.bytes - plan.dataOffset);
      }),
    );
  });

  it('is at home on any host, unless the name takes all of the field', () => {
    const name = (text: string): string => {
      const [plan] = fc.sample(raidPlans, 1);
      if (plan === undefined) throw new Error('no sample');
      return mdSuperblock({ ...plan, name: text }, 1).toString('latin1', 4096 + 32, 4096 + 64);
    };
    expect(name('boot')).toBe('any:boot'.padEnd(32, '\0'));
    expect(name('x'.repeat(27))).toBe(`any:${'x'.repeat(27)}\0`);
    expect(name('x'.repeat(32))).toBe('x'.repeat(32));
  });
});

describe('layerHeaders', () => {
  const swap = { type: 'swap', label: '', uuid: '', start: 0, bytes: MIB } as const;
  const lvm = (start: number): LvmPlan => ({
    type: 'lvm',
    name: 'vg',
    start,
    bytes: 50 * MIB,
    vgId: 'a'.repeat(32),
    pvId: 'b'.repeat(32),
    extentBytes: 4 * MIB,
    peStart: MIB,
    volumes: [],
  });
  const raid1 = (start: number, content: LayerPlan): Raid1Plan => ({
    type: 'raid1',
    name: 'a',
    devices: 2,
    start,
    bytes: 90 * MIB,
    uuid: '11111111-2222-4333-8444-555555555555',
    deviceUuid: '11111111-2222-4333-8444-666666666666',
    dataOffset: MIB,
    content,
  });
  const disk = (...contents: LayerPlan[]): DiskPlan => ({
    name: 'd',
    table: 'gpt',
    id: '',
    bytes: 1000 * MIB,
    partitions: contents.map((content, n) => ({
      number: n + 1,
      name: '',
      type: 'linux',
      id: '',
      start: content.start,
      bytes: content.bytes,
      content,
    })),
  });

  it('finds groups and arrays at any depth, at their places', () => {
    const luks = {
      type: 'luks',
      name: 'crypt',
      cipher: 'aes-xts-plain64',
      keyBits: 512,
      sectorSize: 4096,
      pbkdf: 'argon2id',
      pbkdfMemory: 1,
      pbkdfIterations: 4,
      start: 102 * MIB,
      bytes: 80 * MIB,
      uuid: '',
      headerBytes: 16 * MIB,
      content: lvm(118 * MIB),
    } as const;
    const boot = raid1(MIB, swap);
    const root = raid1(101 * MIB, luks);
    expect(layerHeaders(disk(boot, root, swap, lvm(300 * MIB)), 9)).toEqual([
      { offset: MIB, bytes: mdSuperblock(boot, 9) },
      { offset: 101 * MIB, bytes: mdSuperblock(root, 9) },
      { offset: 118 * MIB, bytes: lvmHeader(lvm(118 * MIB), 9) },
      { offset: 300 * MIB, bytes: lvmHeader(lvm(300 * MIB), 9) },
    ]);
  });
});
