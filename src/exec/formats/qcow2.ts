import { mkdtempSync, rmSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import {
  QCOW2_CLUSTER,
  qcow2Level1,
  qcow2Level2,
  qcow2Part,
  qcow2Plain,
  qcow2Tables,
  type PlacedPart,
  type Qcow2Part,
} from '../../output/qcow2.js';
import { mapLimit } from '../parallel.js';
import { readPadded, writeAll } from '../positioned.js';
import { run } from '../run.js';
import type { DiskFile, FormatJob } from './job.js';
import { dataExtents, pieces } from './pieces.js';
import { streamInto } from './stream.js';
import type { NewFile, NewFiles } from './types.js';

/** What one qemu-img compresses; a fixed size, so that the result is the same with any number of processors. */
const PART = 128 * 2 ** 20;

/** Clusters that are passed on at once. */
const BATCH = 64;

/** Writes a disk for QEMU, with nothing compressed: after a first look at where data is, from its beginning to its end. */
export async function writeQcow2(disk: DiskFile, file: NewFile, files: NewFiles, job: FormatJob): Promise<void> {
  const indexes: number[] = [];
  for await (const { index } of pieces(disk, QCOW2_CLUSTER, job.signal)) indexes.push(index);
  const { header, tables } = qcow2Tables(disk.bytes, [qcow2Plain(indexes)], false);
  const stream = streamInto(file, 'writing qcow2', job.signal);
  await stream.write([header]);
  let batch: Buffer[] = [];
  for await (const { data } of pieces(disk, QCOW2_CLUSTER, job.signal)) {
    batch.push(data);
    if (batch.length < BATCH) continue;
    await stream.write(batch);
    batch = [];
  }
  await stream.write([...batch, tables]);
  files.hashed(file, await stream.end());
}

/**
 * Writes a disk for QEMU, compressed with zstd on all cores.
 *
 * qemu-img compresses on one core when the order of clusters is to be the same each time (`-W` lets them lie as threads
 * finish). So it compresses parts of the disk side by side into files of their own, whose clusters come into one file here.
 */
export async function writeCompressedQcow2(disk: DiskFile, file: NewFile, job: FormatJob): Promise<void> {
  const scratch = mkdtempSync(join(job.scratch, 'qcow2-'));
  const out = await open(file.path, 'r+');
  try {
    const extents = await dataExtents(disk.path, job.signal);
    const starts = Array.from({ length: Math.ceil(disk.bytes / PART) }, (_, index) => index * PART).filter((start) =>
      extents.some((extent) => extent.start < start + PART && extent.start + extent.bytes > start),
    );
    const parts: PlacedPart[] = [];
    let end = 1;
    let before = Promise.resolve();
    await mapLimit(starts, availableParallelism(), async (start) => {
      const path = join(scratch, String(start));
      const mine = compress(disk, start, path, job.signal);
      // Into the file in the order of the disk.
      const turn = before;
      before = (async () => {
        await Promise.all([mine, turn]);
        const part = await appendPart(path, out, end);
        parts.push({ part, start: start / QCOW2_CLUSTER, base: end });
        end += part.clusters.length;
        rmSync(path);
      })();
      await before;
    });
    const { header, tables } = qcow2Tables(disk.bytes, parts, true);
    await writeAll(out, tables, end * QCOW2_CLUSTER);
    await writeAll(out, header, 0);
  } finally {
    await out.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function compress(disk: DiskFile, start: number, path: string, signal: AbortSignal | undefined): Promise<void> {
  const size = Math.min(PART, disk.bytes - start);
  const node = { driver: 'raw', offset: start, size, file: { driver: 'file', filename: disk.path } };
  const options = ['-c', '-O', 'qcow2', '-o', 'compat=1.1,compression_type=zstd'];
  await run(['qemu-img', 'convert', ...options, '--', `json:${JSON.stringify(node)}`, path], {
    doing: 'writing qcow2',
    signal,
  });
}

/** Appends the data of a part to the new file, from a cluster on, and tells what is in it. */
async function appendPart(path: string, out: FileHandle, base: number): Promise<Qcow2Part> {
  const file = await open(path, 'r');
  try {
    const level1 = qcow2Level1(await readPadded(file, 0, QCOW2_CLUSTER));
    if (level1.entries !== 1) throw new Error('qemu-img has written more than one table for a part of a disk');
    const place = qcow2Level2(await readPadded(file, level1.offset, 8));
    const part = qcow2Part(place === 0 ? Buffer.alloc(0) : await readPadded(file, place, QCOW2_CLUSTER));
    let to = base;
    for (const { first, length } of runs(part.clusters)) {
      await writeAll(out, await readPadded(file, first * QCOW2_CLUSTER, length * QCOW2_CLUSTER), to * QCOW2_CLUSTER);
      to += length;
    }
    return part;
  } finally {
    await file.close();
  }
}

/** Neighbours together, a batch at the most. */
function runs(clusters: readonly number[]): { first: number; length: number }[] {
  const found: { first: number; length: number }[] = [];
  for (const cluster of clusters) {
    const last = found.at(-1);
    if (last !== undefined && last.length < BATCH && last.first + last.length === cluster) last.length += 1;
    else found.push({ first: cluster, length: 1 });
  }
  return found;
}
