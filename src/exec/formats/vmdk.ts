import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import {
  GRAIN,
  GRAINS_PER_TABLE,
  SECTOR,
  VMDK_OVERHEAD,
  vmdkDescriptor,
  vmdkGrain,
  vmdkHeader,
  vmdkMarked,
  vmdkTable,
} from '../../output/vmdk.js';
import { writeAll } from '../positioned.js';
import { wholeMiB, type DiskFile, type FormatJob } from './job.js';
import { digestOfPieces, pieces } from './pieces.js';

const compress = promisify(deflate);

/**
 * zlib's level. Measured on a Debian root file system with zlib 1.3.1: 3 makes the file 1 % smaller than 2 and takes half as
 * much time again; 1 makes it 2 % larger and saves nothing.
 */
const LEVEL = 2;

/** Grains that are being compressed while others are read and written: 32 MiB of memory at the most. */
const WINDOW = 256;

/** Compressed grains are written together. */
const BATCH = 2 ** 20;

/** What was written. */
export interface WrittenVmdk {
  readonly bytes: number;
  /** Bytes of the disk that are in the file, before compression. */
  readonly populated: number;
}

/**
 * Writes a streamOptimized VMDK, compressing on all cores, in bounded memory.
 *
 * @param base where in the file it starts: an OVA holds it behind other things.
 */
export async function writeVmdk(out: FileHandle, base: number, disk: DiskFile, job: FormatJob): Promise<WrittenVmdk> {
  const bytes = wholeMiB(disk.bytes);
  const sink = makeSink(out, base, VMDK_OVERHEAD);
  const tables = makeTables(bytes, sink);
  const digest = digestOfPieces();
  const waiting: { index: number; compressed: Promise<Buffer> }[] = [];
  let grains = 0;
  const writeOne = async (): Promise<void> => {
    const first = waiting.shift();
    if (first === undefined) return;
    await tables.before(first.index);
    tables.set(first.index, sink.position() / SECTOR);
    await sink.write(vmdkGrain(first.index, await first.compressed));
    grains += 1;
  };
  for await (const piece of pieces(disk, GRAIN, job.signal)) {
    digest.add(piece);
    const compressed = compress(piece.data, { level: LEVEL, chunkSize: GRAIN + SECTOR });
    // Awaited when its turn comes.
    compressed.catch(() => undefined);
    waiting.push({ index: piece.index, compressed });
    if (waiting.length >= WINDOW) await writeOne();
  }
  while (waiting.length > 0) await writeOne();
  const directory = await tables.finish();
  await sink.write(vmdkMarked('footer', vmdkHeader(bytes, directory)));
  await sink.write(vmdkMarked('endOfStream', Buffer.alloc(0)));
  await sink.flush();
  const front = Buffer.concat([vmdkHeader(bytes), vmdkDescriptor(bytes, digest.finish())]);
  await writeAll(out, Buffer.concat([front], VMDK_OVERHEAD), base);
  return { bytes: sink.position(), populated: grains * GRAIN };
}

type Sink = ReturnType<typeof makeSink>;

function makeSink(out: FileHandle, base: number, start: number) {
  let position = start;
  let batch: Buffer[] = [];
  let batched = 0;
  const flush = async (): Promise<void> => {
    const data = Buffer.concat(batch);
    batch = [];
    batched = 0;
    await writeAll(out, data, base + position - data.length);
  };
  return {
    flush,
    /** From the start of the VMDK. */
    position: (): number => position,
    async write(data: Buffer): Promise<void> {
      batch.push(data);
      batched += data.length;
      position += data.length;
      if (batched >= BATCH) await flush();
    },
  };
}

/** Grain tables are written behind the last grain of each, and only where there are grains. */
function makeTables(bytes: number, sink: Sink) {
  const directory = new Uint32Array(Math.ceil(bytes / GRAIN / GRAINS_PER_TABLE));
  let table: { number: number; places: Uint32Array } | undefined;
  const flush = async (): Promise<void> => {
    if (table === undefined) return;
    // Behind its marker.
    directory[table.number] = sink.position() / SECTOR + 1;
    await sink.write(vmdkMarked('grainTable', vmdkTable(table.places)));
    table = undefined;
  };
  return {
    /** To be called before the grain is written. */
    async before(grain: number): Promise<void> {
      const number = Math.floor(grain / GRAINS_PER_TABLE);
      if (table?.number !== number) await flush();
      table ??= { number, places: new Uint32Array(GRAINS_PER_TABLE) };
    },
    set(grain: number, sector: number): void {
      if (table !== undefined) table.places[grain % GRAINS_PER_TABLE] = sector;
    },
    /** @returns the sector of the directory. */
    async finish(): Promise<number> {
      await flush();
      const place = sink.position() / SECTOR + 1;
      await sink.write(vmdkMarked('grainDirectory', vmdkTable(directory)));
      return place;
    },
  };
}
