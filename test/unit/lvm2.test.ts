import { describe, expect, it } from 'vitest';
import { lvmCrc } from '../../src/disk/crc.js';
import { lvmHeader } from '../../src/disk/lvm2.js';
import type { LvmPlan, VolumePlan } from '../../src/disk/types.js';
import { MIB } from '../support/disk-plans.js';

const group: LvmPlan = {
  type: 'lvm',
  name: 'vg-0',
  start: 0,
  bytes: 200 * MIB,
  vgId: 'dGraB1cAJAuUPprbKNgfnzotQB76tcNn',
  pvId: '0123456789abcdefghijklmnopqrstuv',
  extentBytes: 4 * MIB,
  peStart: MIB,
  volumes: [],
};

/** Bytes 512 to 655 as pvcreate and vgcreate of lvm2 2.03.16 left them on a device of 200 MiB with this id. */
const RECORDED = Buffer.from(
  [
    '4c4142454c4f4e45010000000000000034a37f12200000004c564d3220303031',
    '303132333435363738396162636465666768696a6b6c6d6e6f70717273747576',
    '0000800c00000000000010000000000000000000000000000000000000000000',
    '0000000000000000001000000000000000f00f00000000000000000000000000',
    '00000000000000000200000001000000',
  ].join(''),
  'hex',
);

function volume(n: number): VolumePlan {
  const content = { type: 'swap', label: '', uuid: '', start: 0, bytes: 0 } as const;
  return { name: `volume-${String(n)}`, id: String(n).padStart(32, 'x'), firstExtent: n, extents: 1, content };
}

describe('lvmCrc', () => {
  it('starts where LVM starts and inverts nothing', () => {
    expect(lvmCrc(Buffer.alloc(0))).toBe(0xf597a6cf);
    expect(lvmCrc(RECORDED.subarray(20))).not.toBe(lvmCrc(RECORDED.subarray(21)));
  });
});

describe('lvmHeader', () => {
  it('labels the device byte for byte as lvm2 does', () => {
    const header = lvmHeader(group, 0);
    expect(header.subarray(512, 512 + RECORDED.length).toString('hex')).toBe(RECORDED.toString('hex'));
  });

  it('has nothing in the first sector, where a partition table or boot code may lie, nor around the headers', () => {
    const header = lvmHeader(group, 0);
    expect(header.subarray(0, 512).equals(Buffer.alloc(512))).toBe(true);
    expect(header.subarray(1024, 4096).equals(Buffer.alloc(3072))).toBe(true);
    expect(header.length % 4096).toBe(0);
  });

  it('is the same for the same plan, and says when it was made', () => {
    expect(lvmHeader(group, 5).equals(lvmHeader(group, 5))).toBe(true);
    expect(lvmHeader(group, 1_700_000_000).toString('latin1')).toContain('\ncreation_time = 1700000000\n');
  });

  it('leaves LVM room to write the next version beside this one', () => {
    const many = (count: number): LvmPlan => ({
      ...group,
      bytes: 2 ** 40,
      volumes: Array.from({ length: count }, (_, n) => volume(n)),
    });
    const text = lvmHeader(many(1500), 0).length - 4608;
    expect(text).toBeLessThan((MIB - 4608) / 2);
    expect(() => lvmHeader(many(2500), 0)).toThrow('2500 volumes are too many');
  });

  it('refuses volumes that overlap or reach beyond the end', () => {
    const [first, second] = [volume(0), volume(1)];
    const with2 = (change: Partial<VolumePlan>): LvmPlan => ({ ...group, volumes: [{ ...second, ...change }, first] });
    expect(lvmHeader(with2({ extents: 48 }), 0).length).toBe(8192);
    expect(() => lvmHeader(with2({ extents: 49 }), 0)).toThrow('beyond its end');
    expect(() => lvmHeader(with2({ firstExtent: 0 }), 0)).toThrow('over another one');
    expect(() => lvmHeader(with2({ extents: 0 }), 0)).toThrow('over another one');
  });
});
