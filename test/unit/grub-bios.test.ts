import { describe, expect, it } from 'vitest';
import { grubBiosWrites } from '../../src/boot/grub-bios.js';
import type { DiskPlan, PartitionPlan } from '../../src/disk/types.js';
import { MIB } from '../support/disk-plans.js';

const boot = Buffer.alloc(512, 0xb0);
boot.writeUInt16LE(0xaa55, 510);
const images = (bytes: number): { boot: Buffer; core: Buffer } => ({ boot, core: Buffer.alloc(bytes, 0xc0) });

function partition(number: number, type: PartitionPlan['type'], start: number, bytes: number): PartitionPlan {
  return { number, name: `p${String(number)}`, type, id: '', start, bytes };
}

function disk(table: DiskPlan['table'], ...partitions: PartitionPlan[]): DiskPlan {
  return { name: 'd', table, id: '', bytes: 100 * MIB, partitions };
}

const gpt = disk('gpt', partition(1, 'esp', MIB, MIB), partition(2, 'bios-boot', 2 * MIB, MIB));

describe('grubBiosWrites', () => {
  it('points the first sector to the BIOS boot partition, and core.img to the rest of itself', () => {
    const [first, core] = grubBiosWrites(gpt, images(30_000));
    expect(first?.offset).toBe(0);
    expect(first?.bytes.length).toBe(440);
    expect(first?.bytes.readBigUInt64LE(0x5c)).toBe(4096n);
    expect(first?.bytes.readUInt16LE(0x66)).toBe(0x9090);
    expect(core?.offset).toBe(2 * MIB);
    expect(core?.bytes.length).toBe(59 * 512);
    expect(core?.bytes.readBigUInt64LE(0x1f4)).toBe(4097n);
    expect(core?.bytes.readUInt16LE(0x1fc)).toBe(58);
    expect(core?.bytes.readUInt16LE(0x1fe)).toBe(0x820);
    expect(core?.bytes.subarray(512, 30_000).every((byte) => byte === 0xc0)).toBe(true);
    expect(core?.bytes.subarray(30_000).every((byte) => byte === 0)).toBe(true);
  });

  it('changes neither the images that it is given nor anything else of boot.img', () => {
    const given = images(1000);
    const [first] = grubBiosWrites(gpt, given);
    const expected = Buffer.alloc(440, 0xb0);
    expected.writeBigUInt64LE(4096n, 0x5c);
    expected.writeUInt16LE(0x9090, 0x66);
    expect(first?.bytes.equals(expected)).toBe(true);
    expect(given.core.every((byte) => byte === 0xc0)).toBe(true);
  });

  it('takes the gap before the first partition of an MBR, wherever that one is in the table', () => {
    const [first, core] = grubBiosWrites(
      disk('mbr', partition(1, 'linux', 5 * MIB, MIB), partition(2, 'linux', MIB, MIB)),
      images(40_000),
    );
    expect(first?.bytes.readBigUInt64LE(0x5c)).toBe(1n);
    expect(core?.offset).toBe(512);
    expect(core?.bytes.readBigUInt64LE(0x1f4)).toBe(2n);
  });

  it.each<[string, DiskPlan, number, string]>([
    ['core.img is larger than the partition', gpt, MIB + 1, 'there is room for 1048576'],
    ['core.img is larger than the gap', disk('mbr', partition(1, 'linux', MIB, MIB)), MIB, 'room for 1048064'],
    ['a GPT has no BIOS boot partition', disk('gpt', partition(1, 'linux', MIB, MIB)), 1000, 'no room'],
    ['core.img is empty', gpt, 0, 'too short'],
  ])('refuses when %s', (_, plan, bytes, message) => {
    expect(() => grubBiosWrites(plan, images(bytes))).toThrow(message);
  });

  it('refuses a boot.img that is none', () => {
    expect(() => grubBiosWrites(gpt, { ...images(1000), boot: Buffer.alloc(512) })).toThrow('no boot sector');
  });
});
