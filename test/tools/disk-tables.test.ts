import { closeSync, openSync, truncateSync, writeSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Storage } from '../../src/config/layout.js';
import { partitionTable } from '../../src/disk/partition-table.js';
import { planDisks } from '../../src/disk/plan.js';
import type { DiskPlan } from '../../src/disk/types.js';
import { runCommand } from '../support/cli.js';
import { storages } from '../support/disk-layouts.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();

function writeDisk(disk: DiskPlan): string {
  const file = path.join(directory, 'disk.img');
  const fd = openSync(file, 'w');
  truncateSync(file, disk.bytes);
  for (const { offset, bytes } of partitionTable(disk, 'amd64')) writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
  return file;
}

async function sfdisk(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand(['sfdisk', ...args], {
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
  });
  if (code !== 0) throw new Error(stderr);
  return stdout + stderr;
}

interface Table {
  readonly partitiontable: {
    readonly label: string;
    readonly id: string;
    readonly partitions: readonly {
      readonly start: number;
      readonly size: number;
      readonly type: string;
      readonly uuid?: string;
      readonly name?: string;
      readonly bootable?: boolean;
    }[];
  };
}

const ROOT_AMD64 = '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709';

describe('a partition table', () => {
  it('of any layout reads back as it was planned', async () => {
    await fc.assert(
      fc.asyncProperty(storages, async (storage: Storage) => {
        for (const disk of planDisks(storage, 'seed')) {
          const file = writeDisk(disk);
          expect(await sfdisk('--verify', file)).toContain('No errors detected');
          const { partitiontable: read } = JSON.parse(await sfdisk('--json', file)) as Table;
          const gpt = disk.table === 'gpt';
          expect(read.label).toBe(gpt ? 'gpt' : 'dos');
          expect(read.id.toLowerCase()).toBe(gpt ? disk.id : `0x${disk.id}`);
          expect(read.partitions.map(({ start, size }) => [start * 512, size * 512])).toEqual(
            disk.partitions.map(({ start, bytes }) => [start, bytes]),
          );
          if (gpt) {
            expect(read.partitions.map(({ uuid, name }) => [uuid?.toLowerCase(), name])).toEqual(
              disk.partitions.map(({ id, name }) => [id, name]),
            );
          }
          const root = disk.partitions.findIndex(({ type }) => type === 'root');
          if (root >= 0) {
            expect(read.partitions[root]?.type).toBe(gpt ? ROOT_AMD64 : '83');
            expect(read.partitions[root]?.bootable).toBe(gpt ? undefined : true);
          }
        }
      }),
      { numRuns: 25 },
    );
  });

  it('has a backup from which a damaged GPT can be restored', async () => {
    const [storage] = fc.sample(
      storages.filter(({ disks }) => disks[0]?.table === 'gpt'),
      1,
    );
    const [disk] = storage === undefined ? [] : planDisks(storage, 'seed');
    if (disk === undefined) throw new Error('no disk');
    const file = writeDisk(disk);
    const before = await sfdisk('--dump', file);
    const fd = openSync(file, 'r+');
    writeSync(fd, Buffer.alloc(33 * 512), 0, 33 * 512, 512);
    closeSync(fd);
    const after = await sfdisk('--dump', file);
    expect(after).toContain(before.slice(before.indexOf('label:')).trimEnd());
    expect(after).toContain('primary GPT table is corrupt');
  });
});
