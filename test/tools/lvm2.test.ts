import fc from 'fast-check';
import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkNames } from '../../src/config/layout-names.js';
import type { Storage } from '../../src/config/layout.js';
import { grownVolume, isPhysicalVolume } from '../../src/disk/grow-lvm2.js';
import { lvmHeader } from '../../src/disk/lvm2.js';
import type { LvmPlan } from '../../src/disk/types.js';
import { runCommand } from '../support/cli.js';
import { dashed, lvmPlans } from '../support/disk-plans.js';
import { lvmConfig } from '../support/lvm-config.js';
import { scratch } from '../support/scratch.js';

const EPOCH = 1_700_000_000;

/** What LVM keeps for itself in some version or other, and what may be or cannot be part of a name. */
const NAMES =
  '_cdata _cmeta _corig _cpool _cvol _wcorig _mimage _mlog _rimage _rmeta _tdata _tmeta _vdata _imeta _iorig _pmspare ' +
  '_vorigin _vpool snapshot pvmove . .. -a a- ä a/b + _';

const file = path.join(scratch(), 'pv.img');

/** What `pvck` says of a device that begins like this; it reads plain files. */
async function pvck(dump: 'headers' | 'metadata', header: Buffer, bytes: number): Promise<string> {
  writeFileSync(file, header);
  truncateSync(file, bytes);
  const { stdout, stderr } = await runCommand(['pvck', '--dump', dump, file], {
    env: { LVM_SUPPRESS_FD_WARNINGS: '1' },
  });
  return stdout + stderr;
}

/** The fields of `pvck --dump headers`. */
function fields(dump: string): Record<string, string> {
  return Object.fromEntries(
    Array.from(dump.matchAll(/^ {2}(\S+) (\S+)$/gm), ([, name = '', value = '']) => [name, value]),
  );
}

/** The group as LVM should read it. */
function expected(plan: LvmPlan): unknown {
  const volumes = plan.volumes.map(({ name, id, firstExtent, extents }): [string, unknown] => [
    name,
    expect.objectContaining({
      id: dashed(id),
      status: ['READ', 'WRITE', 'VISIBLE'],
      creation_time: EPOCH,
      segment_count: 1,
      segment1: {
        start_extent: 0,
        extent_count: extents,
        type: 'striped',
        stripe_count: 1,
        stripes: ['pv0', firstExtent],
      },
    }),
  ]);
  return {
    id: dashed(plan.vgId),
    seqno: 1,
    format: 'lvm2',
    status: ['RESIZEABLE', 'READ', 'WRITE'],
    flags: [],
    extent_size: plan.extentBytes / 512,
    max_lv: 0,
    max_pv: 0,
    metadata_copies: 0,
    physical_volumes: {
      pv0: {
        id: dashed(plan.pvId),
        device: '[unknown]',
        status: ['ALLOCATABLE'],
        flags: [],
        dev_size: plan.bytes / 512,
        pe_start: plan.peStart / 512,
        pe_count: Math.floor((plan.bytes - plan.peStart) / plan.extentBytes),
      },
    },
    ...(volumes.length === 0 ? {} : { logical_volumes: Object.fromEntries(volumes) }),
  };
}

describe('pvck', () => {
  it('reads what was planned, whatever the group', async () => {
    await fc.assert(
      fc.asyncProperty(lvmPlans({ volumes: 30, extents: 5000 }), async (plan) => {
        const header = lvmHeader(plan, EPOCH);
        const headers = await pvck('headers', header, plan.bytes);
        expect(headers).not.toMatch(/CHECK|WARNING|[Ff]ail/);
        expect(headers).toContain(`# vgname ${plan.name} seqno 1\n`);
        expect(fields(headers)).toMatchObject({
          'pv_header.pv_uuid': plan.pvId,
          'pv_header.device_size': String(plan.bytes),
          'pv_header.disk_locn[0].offset': String(plan.peStart),
          'pv_header.disk_locn[2].offset': '4096',
          'pv_header.disk_locn[2].size': String(plan.peStart - 4096),
          'pv_header_extension.version': '2',
          'pv_header_extension.flags': '1',
          'mda_header_1.size': String(plan.peStart - 4096),
        });
        const metadata = await pvck('metadata', header, plan.bytes);
        const group = lvmConfig(metadata.slice(metadata.indexOf('---\n') + 4, metadata.lastIndexOf('---')));
        expect(group).toEqual({
          [plan.name]: expected(plan),
          contents: 'Text Format Volume Group',
          version: 1,
          description: 'Written by imgbuild',
          creation_host: 'imgbuild',
          creation_time: EPOCH,
        });
      }),
      { numRuns: 60, endOnFailure: true },
    );
  });

  it('finds any changed byte that counts', async () => {
    const [plan] = fc.sample(lvmPlans({ volumes: 5, extents: 100 }), { numRuns: 1, seed: 7 });
    if (plan === undefined) throw new Error('no sample');
    const header = lvmHeader(plan, EPOCH);
    const end = header.lastIndexOf('\n');
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.integer({ min: 512, max: 1023 }),
          fc.integer({ min: 4096, max: 4607 }),
          fc.integer({ min: 4608, max: end }),
        ),
        fc.integer({ min: 1, max: 255 }),
        async (offset, change) => {
          const damaged = Buffer.from(header);
          damaged.writeUInt8(damaged.readUInt8(offset) ^ change, offset);
          expect(await pvck('headers', damaged, plan.bytes)).toMatch(/CHECK|WARNING|[Ff]ail|No label/);
        },
      ),
      { numRuns: 60, endOnFailure: true },
    );
  });
});

describe('a label', () => {
  it('with any byte changed is one to both or to neither', async () => {
    const [plan] = fc.sample(lvmPlans({ volumes: 3, extents: 50 }), { numRuns: 1, seed: 11 });
    if (plan === undefined) throw new Error('no sample');
    const header = lvmHeader(plan, EPOCH);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 512, max: 1023 }), fc.nat(255), async (offset, change) => {
        const damaged = Buffer.from(header);
        damaged.writeUInt8(damaged.readUInt8(offset) ^ change, offset);
        const theirs = !/CHECK: label_header|No label/.test(await pvck('headers', damaged, plan.bytes));
        expect(isPhysicalVolume(damaged)).toBe(theirs);
      }),
      {
        numRuns: 60,
        endOnFailure: true,
        examples: [
          [520, 1],
          [512, 1],
          [600, 0],
        ],
      },
    );
  });
});

describe('a group on a device that has grown', () => {
  it('is read by pvck with the new sizes', async () => {
    await fc.assert(
      fc.asyncProperty(
        lvmPlans({ volumes: 10, extents: 500 }),
        fc.integer({ min: 1, max: 2 ** 22 }),
        async (plan, more) => {
          const start = Buffer.alloc(plan.peStart);
          lvmHeader(plan, EPOCH).copy(start);
          const bytes = plan.bytes + more * 512;
          for (const write of grownVolume(start, bytes) ?? []) write.bytes.copy(start, write.offset);
          const headers = await pvck('headers', start, bytes);
          expect(headers).not.toMatch(/CHECK|WARNING|[Ff]ail/);
          expect(headers).toContain(`# vgname ${plan.name} seqno 2\n`);
          expect(fields(headers)['pv_header.device_size']).toBe(String(bytes));
          const metadata = await pvck('metadata', start, bytes);
          expect(metadata).toContain(`pe_count = ${String(Math.floor((bytes - plan.peStart) / plan.extentBytes))}`);
        },
      ),
      { numRuns: 30, endOnFailure: true },
    );
  });
});

describe('names', () => {
  /** Whether lvcreate gets as far as looking for the group. */
  async function taken(name: string): Promise<boolean> {
    // The group does not exist, and no driver is asked.
    const argv = [
      'lvm',
      'lvcreate',
      '--test',
      '--driverloaded',
      'n',
      '-l1',
      `--name=${name}`,
      'imgbuild-no-such-group',
    ];
    const { stderr } = await runCommand(argv, { env: { LVM_SUPPRESS_FD_WARNINGS: '1' } });
    if (stderr.includes('imgbuild-no-such-group" not found')) return true;
    expect(stderr).toMatch(/reserved|[Ii]nvalid|[Nn]ame/);
    return false;
  }

  function allowed(name: string): boolean {
    const content = { type: 'swap', label: '' } as const;
    const lvm = { type: 'lvm', name: 'vg', volumes: [{ name, size: 1, content }] } as const;
    const partition = { name: 'p', type: 'lvm', size: 1, content: lvm } as const;
    const storage: Storage = { firmware: 'uefi', disks: [{ name: 'd', table: 'gpt', partitions: [partition] }] };
    return checkNames(storage).length === 0;
  }

  it.each([...NAMES.split(' '), 'a b'])('%s is refused by both or taken by both', async (name) => {
    expect(allowed(name)).toBe(await taken(name));
    expect(allowed(`x${name}1`)).toBe(await taken(`x${name}1`));
  });

  it('others too', async () => {
    const any = fc.string({ unit: fc.constantFrom(...'ab-_.+/:@ s'.split('')), minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(any, async (name) => {
        expect(allowed(name)).toBe(await taken(name));
      }),
      { numRuns: 40, endOnFailure: true },
    );
  });
});
