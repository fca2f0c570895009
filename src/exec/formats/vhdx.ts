import { open } from 'node:fs/promises';
import { VHDX_BLOCK, vhdxFront, vhdxPayloadOffset } from '../../output/vhdx.js';
import { wholeMiB, type DiskFile, type FormatJob } from './job.js';
import { digestOfPieces, pieces, writeAll } from './pieces.js';
import type { NewFile } from './types.js';

/** Holes inside of blocks are kept in pieces of this size. */
const PART = 2 ** 16;

/** Writes a dynamic VHDX in one pass over the disk: blocks in their order, then what stands in front of them. */
export async function writeVhdx(disk: DiskFile, file: NewFile, job: FormatJob): Promise<void> {
  const bytes = wholeMiB(disk.bytes);
  const blocks = new Array<number>(bytes / VHDX_BLOCK).fill(0);
  const digest = digestOfPieces();
  let end = vhdxPayloadOffset(bytes);
  const out = await open(file.path, 'r+');
  try {
    for await (const { index, data } of pieces(disk, VHDX_BLOCK, job.signal)) {
      digest.add({ index, data });
      blocks[index] = end;
      for (const { from, to } of runsOfData(data)) await writeAll(out, data.subarray(from, to), end + from);
      end += VHDX_BLOCK;
    }
    await out.truncate(end);
    await writeAll(out, vhdxFront(bytes, blocks, await digest.finish()), 0);
  } finally {
    await out.close();
  }
}

const ZEROS = Buffer.alloc(PART);

/** The parts of a block that are not zeros, neighbours together. */
function runsOfData(block: Buffer): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  for (let from = 0; from < block.length; from += PART) {
    const to = from + PART;
    if (block.subarray(from, to).equals(ZEROS)) continue;
    const last = runs.at(-1);
    if (last?.to === from) last.to = to;
    else runs.push({ from, to });
  }
  return runs;
}
