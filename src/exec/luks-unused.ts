import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { roundUp } from '../config/layout-sizes.js';
import type { Extents, FilesystemPlan, LayerPlan, SwapPlan } from '../disk/types.js';
import type { Context } from './context.js';
import { dataExtents } from './formats/pieces.js';
import { output, run } from './run.js';
import { isTmpfs } from './workplace.js';

type UnusedContext = Pick<Context, 'signal'>;

/** Places of holes and their sizes are multiples of this; a smaller one would save nothing. */
const UNIT = 2 ** 20;

/**
 * What within a layer nothing reads before it has written there: free blocks of file systems, and swap behind its header.
 *
 * @param file the disk, before it is encrypted.
 * @returns extents of the disk, in bytes, in order.
 */
export async function unusedExtents(context: UnusedContext, file: string, layer: LayerPlan): Promise<Extents[]> {
  const leaves = layer.type === 'lvm' ? layer.volumes.map(({ content }) => content) : [layer];
  const unused: Extents[] = [];
  for (const leaf of leaves) {
    if (leaf.type !== 'filesystem' && leaf.type !== 'swap') continue;
    for (const { start, bytes } of await unusedIn(context, file, leaf)) {
      // The first of these holds what tools look for on every device.
      const from = roundUp(Math.max(start, leaf.start + UNIT), UNIT);
      const to = Math.floor((start + bytes) / UNIT) * UNIT;
      if (to > from) unused.push({ start: from, bytes: to - from });
    }
  }
  return unused;
}

async function unusedIn(context: UnusedContext, file: string, leaf: FilesystemPlan | SwapPlan): Promise<Extents[]> {
  if (leaf.type === 'swap') return [{ start: leaf.start, bytes: leaf.bytes }];
  switch (leaf.format) {
    case 'ext4':
      return await freeBlocks(context, file, leaf);
    case 'btrfs':
      return await neverWritten(context, file, leaf);
    case 'vfat':
      return [];
  }
}

/**
 * What the bitmaps of an ext4 call free; the tables of inodes and the journal, zeros for the most part, are not. dumpe2fs
 * (1.47.2) takes a path with an offset for a tag, and so gets a copy of all but the files' contents.
 */
async function freeBlocks({ signal }: UnusedContext, file: string, leaf: FilesystemPlan): Promise<Extents[]> {
  const copy = `${file}.metadata`;
  const doing = `looking for free blocks of ${leaf.mountpoint}`;
  try {
    await run(['e2image', '-r', '-o', String(leaf.start), file, copy], { doing, signal });
    const text = await output(['dumpe2fs', copy], { doing, signal });
    const block = Number(/^Block size: +(\d+)$/m.exec(text)?.[1]);
    const lists = [...text.matchAll(/^ +Free blocks: (.+)$/gm)].flatMap(([, list = '']) => list.split(', '));
    return lists.map((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return { start: leaf.start + first * block, bytes: (last - first + 1) * block };
    });
  } finally {
    rmSync(copy, { force: true });
  }
}

/**
 * The holes in a btrfs: mkfs.btrfs has written all that it refers to. Only a file in memory is sure to tell: ZFS makes holes
 * of written zeros.
 */
async function neverWritten({ signal }: UnusedContext, file: string, leaf: FilesystemPlan): Promise<Extents[]> {
  if (!isTmpfs(dirname(file))) return [];
  const end = leaf.start + leaf.bytes;
  const data = (await dataExtents(file, signal)).filter(
    ({ start, bytes }) => start < end && start + bytes > leaf.start,
  );
  const holes: Extents[] = [];
  let from = leaf.start;
  for (const { start, bytes } of data) {
    if (start > from) holes.push({ start: from, bytes: start - from });
    from = start + bytes;
  }
  if (end > from) holes.push({ start: from, bytes: end - from });
  return holes;
}
