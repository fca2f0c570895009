import { createHash, type Hash } from 'node:crypto';
import { ftruncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { BMAP_BLOCK, bmapText, type BmapRange } from '../../output/bmap.js';
import { VHD_UNIT, vhdFooter } from '../../output/vhd.js';
import { writeAll } from '../positioned.js';
import { run } from '../run.js';
import { wholeMiB, type DiskFile, type FormatJob } from './job.js';
import { digestOfPieces, pieces, sparseWriter } from './pieces.js';
import type { NewFile } from './types.js';

/** Copies a disk as it is: shared blocks where the file system has them, holes in any case. */
export async function writeRaw(disk: DiskFile, file: NewFile, job: FormatJob): Promise<void> {
  await run(['cp', '--reflink=auto', '--sparse=always', '--', disk.path, file.path], {
    doing: 'copying the disk',
    signal: job.signal,
  });
  ftruncateSync(file.fd, disk.bytes);
}

/** Zeros below this size are written when an image is flashed. */
const BMAP_UNIT = 2 ** 20;

/**
 * Writes the block map of a disk.
 *
 * Holes of the file are no guide to what may be left unwritten: tools leave a hole where a file system means zeros. Only
 * long runs of zeros are left out, where file systems keep nothing.
 */
export async function writeBmap(disk: DiskFile, file: NewFile, job: FormatJob): Promise<void> {
  const ranges: BmapRange[] = [];
  let open: { first: number; last: number; hash: Hash } | undefined;
  const blocks = BMAP_UNIT / BMAP_BLOCK;
  const close = (): void => {
    if (open !== undefined) ranges.push({ first: open.first, last: open.last, sha256: open.hash.digest('hex') });
    open = undefined;
  };
  for await (const { index, data } of pieces(disk, BMAP_UNIT, job.signal)) {
    const first = index * blocks;
    if (open !== undefined && open.last + 1 !== first) close();
    // The last piece may reach over the end of the disk.
    const bytes = Math.min(BMAP_UNIT, disk.bytes - index * BMAP_UNIT);
    open ??= { first, last: first, hash: createHash('sha256') };
    open.last = first + Math.ceil(bytes / BMAP_BLOCK) - 1;
    open.hash.update(data.subarray(0, bytes));
  }
  close();
  writeFileSync(file.fd, bmapText(disk.bytes, ranges));
}

/** Writes a VHD of fixed size, with holes where the disk has zeros. */
export async function writeVhd(disk: DiskFile, file: NewFile, job: FormatJob): Promise<void> {
  const bytes = wholeMiB(disk.bytes);
  const digest = digestOfPieces();
  const out = await open(file.path, 'r+');
  const writer = sparseWriter(out);
  try {
    for await (const piece of pieces(disk, VHD_UNIT, job.signal)) {
      digest.add(piece);
      await writer.write(piece.data, piece.index * VHD_UNIT);
    }
    await writer.settle();
    await writeAll(out, vhdFooter(bytes, digest.finish(), job.epoch), bytes);
  } finally {
    await writer.settle().catch(() => undefined);
    await out.close();
  }
}
