import { closeSync, openSync, rmSync } from 'node:fs';
import { roundUp } from '../config/layout-sizes.js';
import { readBtrfs } from '../disk/btrfs.js';
import { without } from '../disk/extents.js';
import type { Extents, FilesystemPlan, LayerPlan, SwapPlan } from '../disk/types.js';
import type { Context } from './context.js';
import { syncReader } from './positioned.js';
import { output, run } from './run.js';

type UnusedContext = Pick<Context, 'signal'>;

/** Places of holes and their sizes are multiples of this; a smaller one would save nothing. */
const UNIT = 2 ** 20;

/**
 * What within a layer nothing reads before it has written there: free blocks of file systems, and swap behind its header.
 *
 * @param file the disk, before it is encrypted.
 * @param placed what file systems refer to that are encrypted already, in extents of the disk.
 * @returns extents of the disk, in bytes, in order.
 */
export async function unusedExtents(
  context: UnusedContext,
  file: string,
  layer: LayerPlan,
  placed: ReadonlyMap<FilesystemPlan, readonly Extents[]>,
): Promise<Extents[]> {
  const leaves = layer.type === 'lvm' ? layer.volumes.map(({ content }) => content) : [layer];
  const unused: Extents[] = [];
  for (const leaf of leaves) {
    if (leaf.type !== 'filesystem' && leaf.type !== 'swap') continue;
    const used = leaf.type === 'filesystem' ? placed.get(leaf) : undefined;
    const free = used === undefined ? await unusedIn(context, file, leaf) : without(leaf, used);
    for (const { start, bytes } of free) {
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
      return unreferred(file, leaf);
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

/** All of a btrfs that it does not refer to. */
function unreferred(file: string, leaf: FilesystemPlan): Extents[] {
  const disk = openSync(file, 'r');
  try {
    const { parts } = readBtrfs(syncReader(disk, leaf.start));
    return without(
      leaf,
      parts.map(({ start, bytes }) => ({ start: leaf.start + start, bytes })),
    );
  } finally {
    closeSync(disk);
  }
}
