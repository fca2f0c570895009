import { createHash, webcrypto } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { output } from '../run.js';
import type { DiskFile } from './job.js';

/** Where a disk image has data; everything between is a hole. */
export interface Extent {
  readonly start: number;
  readonly bytes: number;
}

/** A part of a disk that holds something else than zeros. */
export interface Piece {
  /** Number of the part, counted in units. */
  readonly index: number;
  /** A whole unit; behind the end of the disk there are zeros. */
  readonly data: Buffer;
}

const READ = 4 * 2 ** 20;

/** The data in a sparse file, by qemu-img, because Node has no SEEK_DATA. */
export async function dataExtents(path: string, signal?: AbortSignal): Promise<Extent[]> {
  const text = await output(['qemu-img', 'map', '--output=json', '--format=raw', '--', path], {
    doing: 'looking for holes in a disk image',
    signal,
  });
  const map = JSON.parse(text) as { start: number; length: number; data: boolean }[];
  return map.filter(({ data }) => data).map(({ start, length }) => ({ start, bytes: length }));
}

/**
 * Reads a disk in units and gives those that are not all zeros, in order. What comes depends on the content alone, not on
 * where the file has holes.
 *
 * @param unit divides 4 MiB.
 */
export async function* pieces(disk: DiskFile, unit: number, signal?: AbortSignal): AsyncGenerator<Piece> {
  const extents = await dataExtents(disk.path, signal);
  const zeros = Buffer.alloc(unit);
  const file = await open(disk.path, 'r');
  try {
    let next = 0;
    for (const { start, bytes } of extents) {
      const end = Math.min(disk.bytes, start + bytes);
      // Two extents may meet in one unit.
      for (let at = Math.max(next, Math.floor(start / unit) * unit); at < end;) {
        signal?.throwIfAborted();
        const buffer = await readUnits(file, at, Math.min(READ, Math.ceil((end - at) / unit) * unit));
        for (let from = 0; from < buffer.length; from += unit) {
          const data = buffer.subarray(from, from + unit);
          if (!data.equals(zeros)) yield { index: (at + from) / unit, data };
        }
        at += buffer.length;
        next = at;
      }
    }
  } finally {
    await file.close();
  }
}

async function readUnits(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.fill(0, done);
}

/** Writes all of a buffer. */
export async function writeAll(file: FileHandle, data: Buffer, at: number): Promise<void> {
  for (let done = 0; done < data.length;) {
    const { bytesWritten } = await file.write(data, done, data.length - done, at + done);
    done += bytesWritten;
  }
}

/**
 * Digest over the pieces of a disk. Each piece is hashed by itself, in Node's thread pool, while the next one is read.
 */
export function digestOfPieces() {
  const parts: Promise<Buffer>[] = [];
  return {
    add({ index, data }: Piece): void {
      const part = webcrypto.subtle.digest('SHA-256', data).then((digest) => {
        const place = Buffer.alloc(8);
        place.writeBigUInt64BE(BigInt(index));
        return Buffer.concat([place, Buffer.from(digest)]);
      });
      // Awaited at the end; until then a failure must not end the process.
      part.catch(() => undefined);
      parts.push(part);
    },
    async finish(): Promise<string> {
      const hash = createHash('sha256');
      for (const part of parts) hash.update(await part);
      return hash.digest('hex');
    },
  };
}
