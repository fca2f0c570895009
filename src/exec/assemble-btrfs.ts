import { closeSync, mkdirSync, openSync, rmSync, statSync, truncateSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { roundUp } from '../config/layout-sizes.js';
import { isBlock, readBtrfs, type Superblock } from '../disk/btrfs.js';
import { settleBlock } from '../disk/btrfs-settle.js';
import { inPieces } from '../disk/extents.js';
import type { Extents, FilesystemPlan } from '../disk/types.js';
import { SNAPSHOTS, subvolumeOf } from '../disk/walk.js';
import { UserError } from '../errors.js';
import { formatBytes } from '../units.js';
import type { Context } from './context.js';
import { encryptionOf, type Container, type Encrypt } from './luks.js';
import { mapLimit, together } from './parallel.js';
import { readPadded, syncReader, writeAll } from './positioned.js';
import { removeAsRead } from './remove-read.js';
import { run } from './run.js';

type BtrfsContext = Pick<Context, 'signal' | 'log'>;

/** A file that is one hole. */
export function emptyFile(path: string, bytes: number): void {
  closeSync(openSync(path, 'wx', 0o600));
  truncateSync(path, bytes);
}

/**
 * Makes a btrfs of what lies in a directory, which goes. mkfs.btrfs (6.14) knows no offset: it gets a file of its own,
 * which is moved to its place in the disk, and encrypted on its way where it lies in a container.
 */
export async function makeBtrfs(
  context: BtrfsContext,
  disk: string,
  plan: FilesystemPlan,
  { epoch }: { readonly epoch: number },
  directory: string,
  container?: Container,
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
    // It opens each file once (btrfs-progs 6.14, mkfs/rootdir.c).
    meanwhile: (pid) => removeAsRead(pid, directory),
  });
  checkFits(plan, statSync(image).size);
  context.log('--- assemble: moving btrfs into the disk');
  // The files go meanwhile; what is moved leaves room for as much, so that no more is taken at any time.
  await together(
    context.signal,
    async (signal) => await run(['rm', '-rf', '--', directory], { doing: 'removing what was unpacked', signal }),
    async (signal) => {
      const encrypt = container === undefined ? undefined : encryptionOf(container);
      const moved = await moveInto({ ...context, signal }, image, disk, { plan, epoch, encrypt });
      if (encrypt !== undefined) container?.placed.set(plan, moved);
    },
  );
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

/** Bytes that are moved at a time, and how many such pieces before what they took is given back. */
const PIECE = 2 ** 18;
const PIECES = 64;

interface Move {
  readonly plan: FilesystemPlan;
  readonly epoch: number;
  readonly encrypt: Encrypt | undefined;
}

/**
 * Moves what a file system refers to into a disk, from its end to its beginning, cutting off what is moved, so that no room is
 * taken twice. Blocks of its trees lose what chance and the clock have put into them. Zeros that are referred to are written
 * as such: behind encryption a hole is no zeros.
 *
 * @returns where in the disk that is, in order.
 */
async function moveInto(
  { signal }: BtrfsContext,
  image: string,
  disk: string,
  { plan, epoch, encrypt }: Move,
): Promise<Extents[]> {
  const from = await open(image, 'r+');
  const to = await open(disk, 'r+');
  try {
    const { superblock, parts } = readBtrfs(syncReader(from.fd, 0));
    const pieces = parts.flatMap((part) =>
      inPieces([part], PIECE).map(({ start, bytes }) => {
        return { start, bytes, address: part.address && part.address + start - part.start };
      }),
    );
    while (pieces.length > 0) {
      const last = pieces.splice(-PIECES);
      await mapLimit(last, 3, async ({ start, bytes, address }) => {
        signal.throwIfAborted();
        const data = await readPadded(from, start, bytes);
        if (address !== undefined) settleBlocks(data, superblock, address, plan.uuid, epoch);
        const at = plan.start + start;
        await writeAll(to, encrypt === undefined ? data : encrypt(data, at), at);
      });
      await from.truncate(last[0]?.start);
    }
    return parts.map(({ start, bytes }) => ({ start: plan.start + start, bytes }));
  } finally {
    await Promise.all([from.close(), to.close()]);
  }
}

function settleBlocks(data: Buffer, superblock: Superblock, address: number, seed: string, epoch: number): void {
  const { blockBytes } = superblock;
  for (let at = 0; at < data.length; at += blockBytes) {
    const block = data.subarray(at, at + blockBytes);
    if (!isBlock(block, superblock, address + at)) throw new Error('btrfs has a broken block');
    settleBlock(block, seed, epoch);
  }
}
