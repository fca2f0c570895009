import { open } from 'node:fs/promises';
import { VHDX_BLOCK, vhdxFront, vhdxPayloadOffset } from '../../output/vhdx.js';
import { writeAll } from '../positioned.js';
import { wholeMiB, type DiskFile, type FormatJob } from './job.js';
import { digestOfPieces, pieces, sparseWriter } from './pieces.js';
import type { NewFile } from './types.js';

/** Writes a dynamic VHDX in one pass over the disk: blocks in their order, then what stands in front of them. */
export async function writeVhdx(disk: DiskFile, file: NewFile, job: FormatJob): Promise<void> {
  const bytes = wholeMiB(disk.bytes);
  const blocks = new Array<number>(bytes / VHDX_BLOCK).fill(0);
  const digest = digestOfPieces();
  let end = vhdxPayloadOffset(bytes);
  const out = await open(file.path, 'r+');
  const writer = sparseWriter(out);
  try {
    for await (const { index, data } of pieces(disk, VHDX_BLOCK, job.signal)) {
      digest.add({ index, data });
      blocks[index] = end;
      await writer.write(data, end);
      end += VHDX_BLOCK;
    }
    await writer.settle();
    await out.truncate(end);
    await writeAll(out, vhdxFront(bytes, blocks, digest.finish()), 0);
  } finally {
    await writer.settle().catch(() => undefined);
    await out.close();
  }
}
