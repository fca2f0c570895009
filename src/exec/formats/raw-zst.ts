import { writeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { looksRandom, zstdRaw, zstdZeros } from '../../output/zstd.js';
import { feed, type Feed } from '../assemble-pipe.js';
import type { DiskFile, FormatJob } from './job.js';
import { pieces } from './pieces.js';
import type { NewFile } from './types.js';

const UNIT = 2 ** 20;
const ZEROS = Buffer.alloc(UNIT);

/**
 * So many zeros or random bytes in a row do not go through zstd, which takes longer for zeros than for data that cannot be
 * compressed, and makes no less of these.
 */
const GAP = 16 * UNIT;

/**
 * Compresses a disk on all cores, but for what is random, as encrypted storage is. The result depends on its content alone, not on
 * where its file has holes.
 */
export async function writeRawZst(disk: DiskFile, file: NewFile, level: number, job: FormatJob): Promise<void> {
  let tool: Feed | undefined;
  const write = async (data: Buffer): Promise<void> => {
    tool ??= compressor(file, level, job);
    await tool.write([data]);
  };
  const end = async (): Promise<void> => {
    await tool?.end();
    tool = undefined;
  };
  const append = async (frames: Buffer): Promise<void> => {
    await end();
    for (let at = 0; at < frames.length;) at += writeSync(file.fd, frames, at);
  };
  const writeZeros = async (bytes: number): Promise<void> => {
    if (bytes >= GAP) await append(zstdZeros(bytes));
    else for (let at = 0; at < bytes; at += UNIT) await write(ZEROS.subarray(0, bytes - at));
  };
  /** Random units that wait for more of their kind, and whether there have been enough. */
  const random: Buffer[] = [];
  let enough = false;
  const settle = async (): Promise<void> => {
    for (const data of random.splice(0)) await (enough ? append(zstdRaw(data)) : write(data));
  };
  const over = async (): Promise<void> => {
    await settle();
    enough = false;
  };
  try {
    let written = 0;
    for await (const { index, data } of pieces(disk, UNIT, job.signal)) {
      const start = index * UNIT;
      const isRandom = looksRandom(data);
      if (start > written || !isRandom) await over();
      await writeZeros(start - written);
      written = Math.min(start + UNIT, disk.bytes);
      const part = data.subarray(0, written - start);
      if (!isRandom) await write(part);
      else {
        random.push(part);
        enough ||= random.length * UNIT >= GAP;
        if (enough) await settle();
      }
    }
    await over();
    await writeZeros(disk.bytes - written);
  } finally {
    await end();
  }
}

/** zstd, which appends one more frame to a file. */
function compressor(file: NewFile, level: number, { signal }: FormatJob): Feed {
  // At least two: with one thread, zstd cuts the input differently and the result would depend on the machine.
  const threads = Math.max(2, availableParallelism());
  const argv = ['zstd', '--quiet', `-${String(level)}`, `-T${String(threads)}`, '--stdout'];
  const context = { log: () => undefined, signal: signal ?? new AbortController().signal };
  return feed(context, argv, { doing: 'compressing the disk', out: file.fd });
}
