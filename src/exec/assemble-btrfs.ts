import { closeSync, mkdirSync, openSync, rmSync, statSync, truncateSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { roundUp } from '../config/layout-sizes.js';
import {
  isBlock,
  readChunks,
  readSuperblock,
  settleBlock,
  SUPERBLOCK_AT,
  SUPERBLOCK_BYTES,
  type Chunk,
  type Superblock,
} from '../disk/btrfs.js';
import type { FilesystemPlan } from '../disk/types.js';
import { SNAPSHOTS, subvolumeOf } from '../disk/walk.js';
import { UserError } from '../errors.js';
import { formatBytes } from '../units.js';
import type { Context } from './context.js';
import { dataExtents, type Extent } from './formats/pieces.js';
import { readAt, readPadded, writeAll } from './positioned.js';
import { run } from './run.js';

type BtrfsContext = Pick<Context, 'signal' | 'log'>;

/** A file that is one hole. */
export function emptyFile(path: string, bytes: number): void {
  closeSync(openSync(path, 'wx', 0o600));
  truncateSync(path, bytes);
}

/**
 * Makes a btrfs of what lies in a directory, which goes. mkfs.btrfs (6.14) knows no offset: it gets a file of its own,
 * which is moved to its place in the disk.
 */
export async function makeBtrfs(
  context: BtrfsContext,
  disk: string,
  plan: FilesystemPlan,
  { epoch }: { readonly epoch: number },
  directory: string,
): Promise<void> {
  const subvolume = subvolumeOf(plan);
  const subvolumes = ['--subvol', `rw:${subvolume}`];
  if (plan.snapper) {
    mkdirSync(join(directory, SNAPSHOTS), { mode: 0o700 });
    mkdirSync(join(directory, subvolume, '.snapshots'), { mode: 0o700, recursive: true });
    subvolumes.push('--subvol', `rw:${SNAPSHOTS}`);
  }
  const image = `${directory}.img`;
  emptyFile(image, plan.bytes);
  context.log('--- assemble: mkfs.btrfs');
  // zstd:3 and lzo are what the mount option stands for; a level of lzo is refused.
  const compress = plan.compression === '' ? [] : ['--compress', plan.compression];
  const identity = ['-U', plan.uuid, '--device-uuid', plan.deviceUuid ?? '', '-L', plan.label];
  await run(['mkfs.btrfs', '-q', '-f', ...identity, '--rootdir', directory, ...subvolumes, ...compress, image], {
    doing: `making the file system ${plan.mountpoint}`,
    signal: context.signal,
    onLine: context.log,
  });
  checkFits(plan, statSync(image).size);
  // Before it is moved: a work directory in memory need not hold the files, the file system and the disk at once.
  rmSync(directory, { recursive: true, force: true });
  context.log('--- assemble: moving btrfs into the disk');
  await moveInto(context, image, disk, plan, epoch);
  rmSync(image);
}

/**
 * mkfs.btrfs (6.14) makes a file larger, without a word, that is smaller than what goes in would be uncompressed, and the
 * file system with it: it would reach over what lies behind it on the disk, and no kernel would mount it.
 */
function checkFits({ mountpoint, bytes }: FilesystemPlan, made: number): void {
  if (made <= bytes) return;
  const wanted = formatBytes(roundUp(made, 2 ** 25));
  throw new UserError(
    `the btrfs at ${mountpoint} has ${formatBytes(bytes)}, and ${wanted} are needed for what goes into it, compression not counted`,
    { hint: mountpoint === '/' ? 'make it larger, with option disk.rootSize or in the disk tree' : 'make it larger' },
  );
}

/** Copies of the superblock: fs/btrfs/disk-io.h, btrfs_sb_offset. */
const SUPERBLOCKS = [SUPERBLOCK_AT, 2 ** 26, 2 ** 38];

/** Bytes that are moved at a time; chunks and their places are multiples of 64 KiB at least. */
const PIECE = 2 ** 20;

/**
 * Moves a file system into a disk from its end to its beginning, cutting off what is moved, so that no room is taken twice.
 * Blocks of its trees lose what chance and the clock have put into them. What no chunk holds, such as leftovers of the
 * first steps of mkfs.btrfs, stays behind. Zeros that were written are written again: behind encryption a hole is no zeros.
 */
async function moveInto(
  { signal }: BtrfsContext,
  image: string,
  disk: string,
  plan: FilesystemPlan,
  epoch: number,
): Promise<void> {
  const from = await open(image, 'r+');
  const to = await open(disk, 'r+');
  try {
    const superblock = readSuperblock(await readAt(from, SUPERBLOCK_AT, SUPERBLOCK_BYTES));
    const copies = await Promise.all(
      SUPERBLOCKS.filter((at) => at + SUPERBLOCK_BYTES <= plan.bytes).map(async (at) => {
        return { at, data: await readAt(from, at, SUPERBLOCK_BYTES) };
      }),
    );
    const chunks = await chunksOf(from, superblock);
    const pieces = chunks.flatMap((chunk) => piecesOf(chunk)).sort((a, b) => b.place - a.place);
    const written = await dataExtents(image, signal);
    for (const { place, bytes, address, trees } of pieces) {
      signal.throwIfAborted();
      const parts = partsOf(written, place, bytes);
      if (parts.length > 0) {
        const data = await readPadded(from, place, bytes);
        if (trees) settleBlocks(data, superblock, address, plan.uuid, epoch);
        for (const { start, bytes: length } of parts) {
          await writeAll(to, data.subarray(start - place, start - place + length), plan.start + start);
        }
      }
      await from.truncate(place);
    }
    for (const { at, data } of copies) await writeAll(to, data, plan.start + at);
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}

/** All chunks. Their tree lies in chunks of its own, a few MiB in all. */
async function chunksOf(file: FileHandle, superblock: Superblock): Promise<Chunk[]> {
  const blocks = new Map<number, Buffer>();
  for (const { address, bytes, places } of superblock.chunks) {
    const all = await readPadded(file, places[0] ?? 0, bytes);
    for (let at = 0; at < bytes; at += superblock.blockBytes) {
      blocks.set(address + at, all.subarray(at, at + superblock.blockBytes));
    }
  }
  return readChunks(superblock, (address) => {
    const block = blocks.get(address);
    if (block === undefined || !isBlock(block, superblock, address)) throw new Error('btrfs has a broken chunk tree');
    return block;
  });
}

interface Piece {
  readonly place: number;
  readonly bytes: number;
  readonly address: number;
  readonly trees: boolean;
}

function piecesOf({ address, bytes, places, trees }: Chunk): Piece[] {
  return places.flatMap((place) =>
    Array.from({ length: Math.ceil(bytes / PIECE) }, (_, n) => {
      const at = n * PIECE;
      return { place: place + at, bytes: Math.min(PIECE, bytes - at), address: address + at, trees };
    }),
  );
}

function settleBlocks(data: Buffer, superblock: Superblock, address: number, seed: string, epoch: number): void {
  const { blockBytes } = superblock;
  for (let at = 0; at < data.length; at += blockBytes) {
    const block = data.subarray(at, at + blockBytes);
    if (isBlock(block, superblock, address + at)) settleBlock(block, seed, epoch);
  }
}

/** What of some extents lies in a piece. */
function partsOf(extents: readonly Extent[], place: number, bytes: number): Extent[] {
  return extents.flatMap((extent) => {
    const start = Math.max(place, extent.start);
    const end = Math.min(place + bytes, extent.start + extent.bytes);
    return end > start ? [{ start, bytes: end - start }] : [];
  });
}
