import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { growLayers, type ReadPart } from '../../src/disk/grow-layers.js';
import { fitTable } from '../../src/disk/grow-table.js';
import { lvmHeader } from '../../src/disk/lvm2.js';
import { mdSuperblock } from '../../src/disk/md.js';
import type { Storage } from '../../src/config/layout.js';
import { partitionTable } from '../../src/disk/partition-table.js';
import { planDisks } from '../../src/disk/plan.js';
import { blockDevice, KERNEL, usesOf, type KernelView } from '../../src/host/block-devices.js';
import { inspectTarget, judgeTarget, type WriteTarget } from '../../src/host/write-target.js';
import { bmapText } from '../../src/output/bmap.js';
import { readBmap } from '../../src/output/bmap-read.js';
import { filesystem } from '../support/disk-layouts.js';
import { lvmPlans, MIB, raidPlans } from '../support/disk-plans.js';
import { scratch } from '../support/scratch.js';
import { thrown } from '../support/thrown.js';

const directory = scratch();

function messageOf(action: () => unknown): string {
  const error = thrown(action);
  return error instanceof Error ? error.message : 'nothing was thrown';
}

describe('block maps', () => {
  const map = bmapText(10 * 4096 + 100, [
    { first: 0, last: 1, sha256: 'a'.repeat(64) },
    { first: 10, last: 10, sha256: 'b'.repeat(64) },
  ]);

  it('are read as they are written', () => {
    expect(readBmap(map, 'x.bmap')).toEqual({
      imageBytes: 41_060,
      hash: 'sha256',
      ranges: [
        { start: 0, end: 8192, digest: 'a'.repeat(64) },
        { start: 40_960, end: 41_060, digest: 'b'.repeat(64) },
      ],
    });
  });

  it('are read as bmaptool writes them: with blanks, comments and other digests', () => {
    const text = `<?xml version="1.0" ?>
<!-- <Range> of a comment -->
<bmap version="2.0">
  <ImageSize> 8192 </ImageSize><BlockSize> 4096 </BlockSize><BlocksCount> 2 </BlocksCount>
  <ChecksumType> sha1 </ChecksumType>
  <BmapFileChecksum> ${'0'.repeat(40)} </BmapFileChecksum>
  <BlockMap><Range chksum="${'C'.repeat(40)}"> 1 </Range></BlockMap>
</bmap>`;
    const signed = text.replace('0'.repeat(40), createHash('sha1').update(text).digest('hex'));
    expect(readBmap(signed, 'x')).toEqual({
      imageBytes: 8192,
      hash: 'sha1',
      ranges: [{ start: 4096, end: 8192, digest: 'c'.repeat(40) }],
    });
  });

  it('are refused with any byte changed that counts', () => {
    // The map's own checksum does not cover itself, and is a number: its digits mean the same in either case.
    const withoutCase = (text: string): string =>
      text.replace(/(?<=<BmapFileChecksum>)[^<]*/, (digits) => digits.toLowerCase());
    expect(withoutCase(map)).toBe(map);
    fc.assert(
      fc.property(fc.nat(map.length - 1), fc.integer({ min: 33, max: 126 }), (at, code) => {
        const changed = `${map.slice(0, at)}${String.fromCharCode(code)}${map.slice(at + 1)}`;
        fc.pre(withoutCase(changed) !== map);
        expect(() => readBmap(changed, 'x.bmap')).toThrow(/^(the block map )?x\.bmap/);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['<html/>', 'it is no block map'],
    ['not xml', 'damaged'],
    ['<bmap version="1.4"/>', 'version 1.4 of block maps is not known'],
    ['<bmap version="2.0"><ChecksumType>md99</ChecksumType></bmap>', 'no checksums that are known (md99)'],
  ])('%s is none', (text, message) => {
    expect(() => readBmap(text, 'x.bmap')).toThrow(message);
  });
});

describe('the table of an image on a larger disk', () => {
  const storage: Storage = {
    firmware: 'uefi',
    disks: [
      {
        name: 'rootfs',
        table: 'gpt',
        partitions: [
          { name: 'esp', type: 'esp', size: 5 * MIB },
          { name: 'root', type: 'root', size: 20 * MIB, content: filesystem('ext4', '/') },
        ],
      },
    ],
  };
  const disk = (more: object = {}) => {
    const [plan] = planDisks({ ...storage, disks: storage.disks.map((one) => ({ ...one, ...more })) }, 'seed');
    if (plan === undefined) throw new Error('no plan');
    return plan;
  };
  const image = (plan: ReturnType<typeof disk>): Buffer => {
    const bytes = Buffer.alloc(plan.bytes);
    for (const write of partitionTable(plan, 'amd64')) write.bytes.copy(bytes, write.offset);
    return bytes;
  };
  const fitted = (from: Buffer, bytes: number, grow: boolean): Buffer => {
    const table = fitTable(from.subarray(0, MIB), from.length, bytes, grow);
    const whole = Buffer.alloc(bytes);
    from.copy(whole);
    table.head.copy(whole);
    for (const write of table.writes) write.bytes.copy(whole, write.offset);
    return whole;
  };

  it('is the one that a disk of that size would have had', () => {
    const plan = disk();
    const larger = disk({ size: 40 * MIB });
    expect(fitted(image(plan), 40 * MIB, false).equals(image(larger))).toBe(true);
    expect(fitted(image(plan), plan.bytes, false).equals(image(plan))).toBe(true);
  });

  it('lets the last partition grow as if it had had the rest', () => {
    const plan = disk();
    const partitions = storage.disks[0]?.partitions.map((one) =>
      one.name === 'root' ? { ...one, size: 'rest' } : one,
    );
    const larger = disk({ size: 40 * MIB, partitions });
    expect(fitted(image(plan), 40 * MIB, true).equals(image(larger))).toBe(true);
    expect(fitTable(image(plan).subarray(0, MIB), plan.bytes, 40 * MIB, true).grown).toEqual({
      number: 2,
      start: 6 * MIB,
      before: 20 * MIB,
      bytes: 33 * MIB,
    });
  });

  it('grows in an MBR, too, up to where it reaches', () => {
    const plan = disk({ table: 'mbr' });
    const larger = disk({ table: 'mbr', size: 35 * MIB });
    const before = image(plan);
    expect(fitTable(before.subarray(0, MIB), plan.bytes, 35 * MIB, false).head.equals(before.subarray(0, MIB))).toBe(
      true,
    );
    const { grown } = fitTable(before.subarray(0, MIB), plan.bytes, larger.bytes, true);
    expect(grown).toEqual({ number: 2, start: 6 * MIB, before: 20 * MIB, bytes: 29 * MIB });
    expect(fitTable(before.subarray(0, MIB), plan.bytes, 2 ** 43, true).grown?.bytes).toBe(2 ** 41 - MIB - 6 * MIB);
  });

  it('is refused with any byte changed', () => {
    const head = image(disk()).subarray(0, MIB);
    fc.assert(
      fc.property(
        fc.oneof(fc.integer({ min: 520, max: 520 + 83 }), fc.integer({ min: 1024, max: 1024 + 16_383 })),
        fc.integer({ min: 1, max: 255 }),
        (at, change) => {
          const damaged = Buffer.from(head);
          damaged.writeUInt8(damaged.readUInt8(at) ^ change, at);
          expect(messageOf(() => fitTable(damaged, 27 * MIB, 40 * MIB, false))).toContain('is damaged');
        },
      ),
      // A header that says that it is shorter than its own checksum's place.
      { examples: [[524, 76]] },
    );
  });

  it('cannot grow where there is none', () => {
    expect(fitTable(Buffer.alloc(MIB), MIB, 2 * MIB, false).writes).toEqual([]);
    expect(() => fitTable(Buffer.alloc(MIB), MIB, 2 * MIB, true)).toThrow('no partition table');
  });
});

describe('what lies in a partition that grew', () => {
  const reader =
    (bytes: Buffer): ReadPart =>
    (offset, count) =>
      Promise.resolve(bytes.subarray(offset, offset + count));
  /** A metadata text without the number of its version, which each change raises. */
  const versionless = (header: Buffer): string =>
    header.toString('latin1', 4608, header.indexOf(0, 4608)).replace(/seqno = \d+/, '');

  it('is the volume group that a larger device would have had', async () => {
    await fc.assert(
      fc.asyncProperty(
        lvmPlans({ volumes: 8, extents: 100 }),
        fc.integer({ min: 1, max: 2 ** 20 }),
        async (plan, more) => {
          const larger = { ...plan, bytes: plan.bytes + more * 512 };
          const start = Buffer.alloc(4 * MIB);
          lvmHeader(plan, 1).copy(start);
          const { writes, done } = await growLayers(reader(start), larger.bytes);
          expect(done).toEqual(['physical volume']);
          for (const write of writes) write.bytes.copy(start, write.offset);
          const wanted = Buffer.alloc(4 * MIB);
          lvmHeader(larger, 1).copy(wanted);
          expect(start.subarray(0, 4096).equals(wanted.subarray(0, 4096))).toBe(true);
          expect(versionless(start)).toBe(versionless(wanted));
          expect(start.toString('latin1', 4608, 5000)).toContain('seqno = 2');
        },
      ),
      { numRuns: 50 },
    );
  });

  it('is the array that a larger member would have made', async () => {
    await fc.assert(
      fc.asyncProperty(raidPlans, fc.integer({ min: 1, max: 2 ** 20 }), async (plan, more) => {
        const start = Buffer.alloc(4 * MIB);
        mdSuperblock(plan, 1).copy(start);
        const larger = { ...plan, bytes: plan.bytes + more * 512 };
        const { writes, done } = await growLayers(reader(start), larger.bytes);
        for (const write of writes) write.bytes.copy(start, write.offset);
        expect(done).toEqual(['array']);
        expect(start.subarray(0, 8192).equals(Buffer.concat([mdSuperblock(larger, 1)], 8192))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('is left alone where it is more than two fields', async () => {
    const [plan] = fc.sample(raidPlans, { numRuns: 1, seed: 3 });
    if (plan === undefined) throw new Error('no sample');
    const start = Buffer.alloc(4 * MIB);
    mdSuperblock(plan, 1).copy(start);
    // A bitmap, with a right checksum.
    start.writeUInt32LE(1, 4096 + 8);
    start.writeUInt32LE((start.readUInt32LE(4096 + 216) + 1) >>> 0, 4096 + 216);
    const { writes, left } = await growLayers(reader(start), plan.bytes * 2);
    expect(writes).toEqual([]);
    expect(left).toContain('mdadm --grow');
    // A damaged superblock is none.
    start.writeUInt8(9, 4096 + 40);
    expect(await growLayers(reader(start), plan.bytes * 2)).toEqual({ writes: [], done: [], left: '' });
  });
});

/** A kernel that knows these devices. */
function kernel(name: string, facts: { mounts?: string[]; swaps?: string[]; btrfs?: string[] }): KernelView {
  const top = path.join(directory, name);
  const view = { proc: path.join(top, 'proc'), sys: path.join(top, 'sys') };
  const put = (file: string, text: string): void => {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, `${text}\n`);
  };
  const blocks = path.join(view.sys, 'class/block');
  const device = (place: string, numbers: string, more: Record<string, string> = {}): void => {
    const real = path.join(view.sys, 'devices', place);
    for (const [attribute, text] of Object.entries({ dev: numbers, size: '2097152', ro: '0', ...more })) {
      put(path.join(real, attribute), text);
    }
    mkdirSync(path.join(real, 'holders'), { recursive: true });
    mkdirSync(blocks, { recursive: true });
    symlinkSync(real, path.join(blocks, path.basename(place)));
  };
  const disk = { 'queue/logical_block_size': '512', 'device/model': 'Stick 3000 ', 'device/vendor': 'ACME' };
  device('pci/sda', '8:0', disk);
  for (const n of [1, 2, 3, 4]) device(`pci/sda/sda${String(n)}`, `8:${String(n)}`, { partition: String(n) });
  device('pci/sdb', '8:16', disk);
  device('pci/sdb/sdb1', '8:17', { partition: '1' });
  device('pci/sdc', '8:32', { ...disk, 'queue/logical_block_size': '4096', ro: '1' });
  device('virtual/md0', '9:0');
  device('virtual/dm-0', '253:0', { 'dm/name': 'vg0-root' });
  device('virtual/loop0', '7:0', { 'loop/backing_file': '/dev/sda4' });
  const holder = (of: string, what: string): void => {
    put(path.join(blocks, of, 'holders', what), '');
  };
  holder('sda2', 'md0');
  holder('md0', 'dm-0');
  put(path.join(view.proc, 'self/mountinfo'), (facts.mounts ?? []).join('\n'));
  put(path.join(view.proc, 'swaps'), ['Filename Type Size Used Priority', ...(facts.swaps ?? [])].join('\n'));
  for (const one of facts.btrfs ?? []) put(path.join(view.sys, 'fs/btrfs/uuid/devices', one, 'x'), '');
  return view;
}

const mount = (numbers: string, at: string, source: string): string =>
  `27 1 ${numbers} / ${at} rw,relatime shared:1 master:2 - ext4 ${source} rw`;

describe('what uses a device', () => {
  const words = (view: KernelView, name: string): string[] =>
    usesOf(view, name).map(({ device, what, system }) => `${device} ${what}${system ? ' (system)' : ''}`);

  it('is found through arrays and device-mapper up to the root', () => {
    const view = kernel('root', {
      mounts: [mount('253:0', '/', '/dev/mapper/vg0-root'), mount('8:1', '/boot/efi', '/dev/sda1')],
    });
    const found = words(view, 'sda');
    expect(found.slice(0, 2)).toEqual(['dm-0 mounted at / (system)', 'sda1 mounted at /boot/efi (system)']);
    expect(found.slice(2).sort()).toEqual(['md0 part of vg0-root (dm-0)', 'sda2 part of md0', 'sda4 behind loop0']);
    expect(words(view, 'sda1')).toEqual(['sda1 mounted at /boot/efi (system)']);
    expect(words(view, 'sdb')).toEqual([]);
  });

  it('is found where mounts have numbers of their own, as with btrfs', () => {
    const view = kernel('btrfs', {
      mounts: [mount('0:30', '/srv/my\\040disk', '/dev/sdb1')],
      swaps: ['/dev/sda3 partition 8 0 -2'],
      btrfs: ['sdb1'],
    });
    expect(words(view, 'sdb')).toEqual(['sdb1 mounted at /srv/my disk', 'sdb1 part of a btrfs that is mounted']);
    expect(words(view, 'sda')[0]).toBe('sda3 swap (system)');
  });

  it('is found on this machine for the disk that it runs from', () => {
    const line = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .find((text) => text.split(' ')[4] === '/');
    const device = blockDevice(KERNEL, line?.split(' ')[2] ?? '');
    // A container's root is an overlay, which no device holds.
    if (device === undefined) return;
    expect(usesOf(KERNEL, device.disk ?? device.name)).toContainEqual({
      device: device.name,
      what: 'mounted at /',
      system: true,
    });
    const target = inspectTarget(`/dev/${device.disk ?? device.name}`, MIB, KERNEL);
    expect(messageOf(() => judgeTarget(target, MIB, { yes: true, force: false }))).toContain(
      "this system's own disk, is not overwritten",
    );
  });
});

describe('a target', () => {
  const view = kernel('judge', { mounts: [mount('253:0', '/', '/dev/mapper/vg0-root')] });
  const target = (numbers: string): WriteTarget => {
    const device = blockDevice(view, numbers);
    if (device === undefined) throw new Error('no such device');
    const place = `/dev/${device.name}`;
    return { name: place, path: place, kind: 'device', bytes: device.bytes, device, uses: usesOf(view, device.name) };
  };
  const judged = (numbers: string, yes: boolean, force: boolean, bytes = MIB): string | undefined => {
    try {
      return judgeTarget(target(numbers), bytes, { yes, force });
    } catch (error) {
      return `refused: ${error instanceof Error ? error.message : ''}`;
    }
  };

  it('that nothing uses is asked about once', () => {
    expect(judged('8:16', true, false)).toBeUndefined();
    expect(judged('8:16', false, false)).toBe(
      'All that is on /dev/sdb (ACME Stick 3000, 1.0 GiB (1073741824 bytes)) will be lost. Its name again, to go on: ',
    );
  });

  it('that is in use takes two words', () => {
    const refusal = /^refused: \/dev\/sda, this system's own disk, is not overwritten: dm-0 is mounted at \/; /;
    expect(judged('8:0', false, false)).toMatch(refusal);
    expect(judged('8:0', true, false)).toMatch(refusal);
    expect(judged('8:0', false, true)).toContain('ALTHOUGH dm-0 is mounted at /; ');
    expect(judged('8:0', true, true)).toBeUndefined();
  });

  it('that is a partition takes two words, too', () => {
    expect(judged('8:17', true, false)).toBe(
      'refused: /dev/sdb1 is not overwritten: it is a partition of sdb, and an image is for a whole disk',
    );
    expect(judged('8:17', true, true)).toBeUndefined();
  });

  it('that is too small is refused whatever is said', () => {
    expect(judged('8:16', true, true, 2 ** 30 + 1)).toBe(
      'refused: /dev/sdb has 1.0 GiB (1073741824 bytes), and the image needs 1.0 GiB (1073741825 bytes): 1 B are missing',
    );
  });

  it('with other sectors is refused', () => {
    expect(judged('8:32', true, true)).toContain('has sectors of 4096 bytes');
    expect(target('8:32').device?.readonly).toBe(true);
  });

  it.each([
    ['/dev/no-such-disk', 'there is no device /dev/no-such-disk'],
    ['/dev/null', 'is neither a disk nor a file'],
    ['/no/such/directory/x', 'there is no directory'],
  ])('%s is none', (name, message) => {
    expect(() => inspectTarget(name, MIB, KERNEL)).toThrow(message);
  });

  it('that is a file is overwritten when told so', () => {
    const file = path.join(directory, 'file');
    writeFileSync(file, 'x'.repeat(100));
    const found = inspectTarget(file, 10, KERNEL);
    expect(messageOf(() => judgeTarget(found, 10, { yes: false, force: false }))).toContain('exists already');
    expect(judgeTarget(found, 10, { yes: true, force: false })).toBeUndefined();
    expect(judgeTarget(inspectTarget(`${file}2`, 10, KERNEL), 10, { yes: false, force: false })).toBeUndefined();
  });
});
