import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Context } from '../../src/commands/common.js';
import { convertHere } from '../../src/commands/convert-here.js';
import { convertOptions } from '../../src/commands/convert-options.js';
import { layerHeaders } from '../../src/disk/headers.js';
import { partitionTable } from '../../src/disk/partition-table.js';
import { planDisks } from '../../src/disk/plan.js';
import { KERNEL } from '../../src/host/block-devices.js';
import { openWritable } from '../../src/host/write-image.js';
import { inspectTarget } from '../../src/host/write-target.js';
import { writeImage } from '../../src/host/write.js';
import { BMAP_BLOCK } from '../../src/output/bmap.js';
import { CHECKOUT, imgbuild } from '../support/cli.js';
import { writeInto } from '../support/disk-files.js';
import { shell, tool } from '../support/disk-image.js';
import { swap } from '../support/disk-layouts.js';
import { MIB } from '../support/disk-plans.js';
import { scratch } from '../support/scratch.js';
import { HAVE_UML, inUml } from '../support/uml.js';

// In memory: every write is synced, and a disk that others use as well takes its time.
const top = scratch('/dev/shm');
// A file system that user-mode Linux sees, too.
const shared = scratch();
const at = (name: string): string => path.join(top, name);
const image = at('disk.raw');
const NOISE = Buffer.alloc(3 * MIB, 'what was here before ');

/** RAID1 → LVM in the last partition of a GPT of 64 MiB; files of which much is zero in the first. */
const [plan] = planDisks(
  {
    firmware: 'bios',
    disks: [
      {
        name: 'rootfs',
        table: 'gpt',
        partitions: [
          { name: 'bios', type: 'bios-boot', size: MIB },
          { name: 'data', type: 'linux', size: 29 * MIB },
          {
            name: 'pv',
            type: 'raid',
            size: 32 * MIB,
            content: {
              type: 'raid1',
              name: 'array',
              devices: 1,
              content: { type: 'lvm', name: 'vg0', volumes: [{ name: 'swap', size: 16 * MIB, content: swap }] },
            },
          },
        ],
      },
    ],
  },
  'seed',
);
if (plan === undefined) throw new Error('no plan');

beforeAll(async () => {
  writeFileSync(image, '');
  truncateSync(image, plan.bytes);
  await tool([
    ...['mke2fs', '-q', '-F', '-d', path.join(CHECKOUT, 'src'), '-E', `offset=${String(2 * MIB)}`],
    ...[image, `${String(29 * 1024)}k`],
  ]);
  writeInto(image, [...layerHeaders(plan, 1), ...partitionTable(plan, 'amd64')]);
  await convertHere({ log: { info: () => undefined } } as unknown as Context, {
    image,
    formats: ['raw.zst'],
    target: { directory: top, base: 'disk', force: false },
    values: convertOptions(['raw.zst'], []),
    workDir: top,
    launched: false,
  });
});

/** A target that is not blank, so that zeros have to be written. */
function used(name: string, bytes: number): string {
  const file = at(name);
  writeFileSync(file, '');
  for (let start = 0; start < bytes; start += NOISE.length) {
    writeFileSync(file, NOISE.subarray(0, Math.min(NOISE.length, bytes - start)), { flag: 'a' });
  }
  return file;
}

async function differing(a: string, b: string): Promise<string> {
  return await shell('cmp -n "$3" "$1" "$2" 2>&1 || true', a, b, String(plan?.bytes ?? 0));
}

interface Said {
  readonly written: number;
  readonly verified: boolean;
  readonly imageBytes: number;
}

const write = async (...args: string[]): Promise<{ code: number | string; said: Said | undefined; stderr: string }> => {
  const { code, stdout, stderr } = await imgbuild(['write', '--json', ...args]);
  return { code, said: stdout === '' ? undefined : (JSON.parse(stdout) as Said), stderr };
};

describe('imgbuild write', () => {
  it.each(['disk.raw', 'disk.raw.zst'])('makes a file of %s that is equal and full of holes', async (name) => {
    const copy = at(`copy-of-${name}`);
    const { code, said } = await write(at(name), copy);
    expect(code).toBe(0);
    expect(said).toMatchObject({ imageBytes: plan.bytes, verified: true });
    expect(await differing(image, copy)).toBe('');
    expect(statSync(copy).blocks * 512).toBeLessThan(plan.bytes / 2);
  });

  it.each([
    ['with a block map', []],
    ['without one', ['--no-bmap']],
  ])('leaves nothing of what was there before, %s', async (_, more) => {
    const target = used('used', plan.bytes);
    expect((await write('--yes', ...more, at('disk.raw.zst'), target)).code).toBe(0);
    expect(await differing(image, target)).toBe('');
  });

  it('writes zeros only where there is something else', async () => {
    const target = used('again', plan.bytes);
    const first = await write('--yes', image, target);
    const second = await write('--yes', image, target);
    expect(first.said?.written).toBe(plan.bytes);
    expect(second.said?.written).toBeLessThan(plan.bytes / 2);
  });

  it('leaves what is not mapped as it was, when told so', async () => {
    const target = used('mapped', plan.bytes);
    expect((await write('--yes', '--mapped-only', image, target)).code).toBe(0);
    const [a, b] = [readFileSync(image), readFileSync(target)];
    const old = Array.from({ length: plan.bytes / BMAP_BLOCK }, (_, n) => n * BMAP_BLOCK).filter(
      (start) => !a.subarray(start, start + BMAP_BLOCK).equals(b.subarray(start, start + BMAP_BLOCK)),
    );
    expect(old.length).toBeGreaterThan(1000);
    expect(old.every((start) => b.toString('latin1', start, start + BMAP_BLOCK).includes('here before'))).toBe(true);
  });

  it('moves the backup of the table to the end, as sfdisk does', async () => {
    const target = used('large', plan.bytes + 7 * MIB);
    expect((await write('--yes', image, target)).code).toBe(0);
    expect(await tool(['sfdisk', '--verify', target])).toContain('No errors detected');
    copyFileSync(image, at('sfdisk'));
    truncateSync(at('sfdisk'), plan.bytes + 7 * MIB);
    await tool(['sfdisk', '-q', '--relocate', 'gpt-bak-std', at('sfdisk')]);
    const [mine, theirs] = [readFileSync(target), readFileSync(at('sfdisk'))];
    expect(mine.subarray(0, MIB).equals(theirs.subarray(0, MIB))).toBe(true);
    expect(mine.subarray(-33 * 512).equals(theirs.subarray(-33 * 512))).toBe(true);
  });

  it('grows the last partition, the array and the physical volume in it', async () => {
    const target = used('grown', plan.bytes + 100 * MIB);
    const { code, stdout } = await imgbuild(['write', '--yes', '--grow', at('disk.raw.zst'), target]);
    expect(code).toBe(0);
    expect(stdout).toContain('partition 3 grew from 32.0 MiB to 132.0 MiB, array and physical volume with it');
    expect(stdout).toContain('left for the machine: lvextend');
    expect(await tool(['sfdisk', '--verify', target])).toContain('No errors detected');
    const part = at('grown-part');
    await shell('dd if="$1" of="$2" bs=1M skip=31 count=132 status=none', target, part);
    expect(await tool(['mdadm', '--examine', part])).toContain('Array Size : 134144 KiB');
    const pv = at('grown-pv');
    await shell('dd if="$1" of="$2" bs=1M skip=1 status=none', part, pv);
    const metadata = await tool(['pvck', '--dump', 'metadata', pv]);
    expect(metadata).toContain('seqno = 2');
    expect(metadata).toContain('pe_count = 32');
    expect(await tool(['pvck', '--dump', 'headers', pv])).toContain(`device_size ${String(131 * MIB)}`);
  });

  it('refuses an image that is too large, and leaves the target alone', async () => {
    const target = used('small', plan.bytes - 1);
    const before = readFileSync(target);
    const { code, stderr } = await write('--yes', image, target);
    expect(code).toBe(2);
    expect(stderr).toMatch(/small has \S+ MiB \(\d+ bytes\), and the image needs .* 1 B are missing/);
    expect(readFileSync(target).equals(before)).toBe(true);
  });

  it.each([
    ['packed, with its map', 'disk.raw.zst', []],
    ['packed, alone', 'disk.raw.zst', ['--no-bmap']],
    ['raw, with its map', 'disk.raw', []],
  ])('notices an image that was not copied whole: %s', async (_, name, more) => {
    const directory = at('short');
    mkdirSync(directory, { recursive: true });
    const short = path.join(directory, name);
    copyFileSync(at(name), short);
    copyFileSync(at('disk.raw.bmap'), path.join(directory, 'disk.raw.bmap'));
    truncateSync(short, Math.floor(statSync(short).size * 0.6));
    const target = path.join(directory, 'target');
    const { code, stderr } = await write(...more, short, target);
    expect([2, 5]).toContain(code);
    expect(stderr).toMatch(/cop(y|ied)/);
    expect(existsSync(target)).toBe(false);
  });

  it('notices an image that is not that of its map, and leaves no table behind', async () => {
    const changed = at('changed.raw');
    copyFileSync(image, changed);
    copyFileSync(at('disk.raw.bmap'), `${changed}.bmap`);
    writeInto(changed, [{ offset: 2 * MIB + 1100, bytes: Buffer.from('!') }]);
    const target = used('target', plan.bytes);
    const { code, stderr } = await write('--yes', changed, target);
    expect(code).toBe(2);
    expect(stderr).toContain('is not what its block map says, between ');
    expect(readFileSync(target).subarray(0, MIB).equals(Buffer.alloc(MIB))).toBe(true);
  });

  it('refuses a map of another image, and one that is damaged', async () => {
    const other = at('other.raw');
    copyFileSync(image, other);
    truncateSync(other, plan.bytes + MIB);
    const target = at('never');
    expect((await write('--bmap', at('disk.raw.bmap'), other, target)).stderr).toContain('is for an image of');
    writeFileSync(at('bad.bmap'), readFileSync(at('disk.raw.bmap'), 'utf8').replace('<Range', '<range'));
    expect((await write('--bmap', at('bad.bmap'), image, target)).stderr).toContain('is damaged');
    expect((await write('--bmap', at('none.bmap'), image, target)).stderr).toContain('cannot be read');
    expect(existsSync(target)).toBe(false);
  });

  it('says what to do with other formats', async () => {
    await tool(['qemu-img', 'convert', '-O', 'qcow2', image, at('disk.qcow2')]);
    const { stderr } = await write(at('disk.qcow2'), at('never'));
    expect(stderr).toContain('is of format qcow2');
    expect(stderr).toContain('--to raw.zst');
  });

  it('asks nobody where nobody is', async () => {
    const { code, stderr } = await write(image, used('there', plan.bytes));
    expect(code).toBe(2);
    expect(stderr).toContain('--yes overwrites it');
  });

  it('notices a medium that does not keep what it is given', async () => {
    const target = used('worn', plan.bytes);
    const signal = new AbortController().signal;
    const opened = await openWritable(image, plan.bytes, false, '', signal);
    const spoil = (doing: string): void => {
      if (doing === 'comparing') writeInto(target, [{ offset: 20 * MIB + 5, bytes: Buffer.from('!') }]);
    };
    const options = { grow: false, mappedOnly: false, verify: true, shared: false };
    const writing = writeImage(opened, inspectTarget(target, plan.bytes, KERNEL), options, spoil, signal);
    await expect(writing).rejects.toThrow(
      `does not keep what is written to it: bytes ${String(20 * MIB)} to ${String(21 * MIB - 1)} read back differently`,
    );
    expect(readFileSync(target).subarray(0, MIB).equals(Buffer.alloc(MIB))).toBe(true);
  });

  it('can be interrupted, and leaves no table behind', async () => {
    // Holes that take a while to be read.
    const [large, target] = [at('large.raw'), used('interrupted', 2 * MIB)];
    copyFileSync(image, large);
    for (const file of [large, target]) truncateSync(file, 4096 * MIB);
    const child = spawn(
      process.execPath,
      [path.join(CHECKOUT, 'dist/bundle/cli.js'), 'write', '--yes', large, target],
      {
        stdio: 'ignore',
      },
    );
    const closed = once(child, 'close') as Promise<[number | null]>;
    const head = (): Buffer => {
      const bytes = Buffer.alloc(MIB);
      const fd = openSync(target, 'r');
      readSync(fd, bytes, 0, MIB, 0);
      closeSync(fd);
      return bytes;
    };
    while (head().includes('here before')) await setTimeout(1);
    child.kill('SIGINT');
    const [code] = await closed;
    expect(code).toBe(130);
    expect(head().equals(Buffer.alloc(MIB))).toBe(true);
  });
});

describe.skipIf(!HAVE_UML)('imgbuild write, with a kernel and its devices', () => {
  it('writes to a disk, grows it, and refuses one that is in use', async () => {
    for (const name of ['disk.raw', 'disk.raw.zst', 'disk.raw.bmap']) copyFileSync(at(name), path.join(shared, name));
    const [blank, busy] = [at('blank.img'), at('busy.img')];
    for (const file of [blank, busy]) {
      writeFileSync(file, '');
      truncateSync(file, plan.bytes + 64 * MIB);
    }
    const said = await inUml(
      shared,
      `imgbuild() { ${process.execPath} ${CHECKOUT}/dist/bundle/cli.js "$@"; }
      refused() { imgbuild "$@" && return 1; test $? = 2; }
      mkfs.ext4 -q /dev/ubdb
      mkdir /tmp/busy /tmp/data
      mount /dev/ubdb /tmp/busy
      refused write --yes disk.raw /dev/ubdb
      refused write disk.raw /dev/ubda
      imgbuild write --yes --grow disk.raw.zst /dev/ubda
      cat /sys/class/block/ubda3/size
      mdadm --assemble --run /dev/md/array /dev/ubda3
      lvm2 vgs --noheadings -o vg_size,vg_free,pv_count --units m
      lvm2 vgck vg0
      mount -o ro /dev/ubda2 /tmp/data
      refused write --yes disk.raw /dev/ubda
      ls /tmp/data/cli.ts`,
      [blank, busy],
    );
    expect(said).toContain('/dev/ubdb is not overwritten: ubdb is mounted at /tmp/busy');
    expect(said).toContain('/dev/ubda is overwritten only on a word of yours');
    expect(said).toContain(`${String((32 + 64) * 2048)}\n`);
    expect(said).toMatch(/92\.00m +76\.00m +1\n/);
    expect(said).toMatch(/ubda2 is mounted at \/tmp\/data; ubda3 is part of md127/);
    expect(said).toMatch(/all done\n$/);
  });
});
