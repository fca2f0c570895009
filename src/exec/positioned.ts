import { readSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

/** Reads bytes at a place of a file; fewer where it ends. */
export async function readAt(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

/** As `readAt`, with zeros for what is behind the end. */
export async function readPadded(file: FileHandle, at: number, bytes: number): Promise<Buffer> {
  const data = await readAt(file, at, bytes);
  return data.length === bytes ? data : Buffer.concat([data], bytes);
}

/** Reads what begins somewhere in an open file, without waiting; zeros are behind the file's end. */
export function syncReader(fd: number, start: number): (at: number, bytes: number) => Buffer {
  return (at, bytes) => {
    const buffer = Buffer.alloc(bytes);
    for (let done = 0; done < bytes;) {
      const read = readSync(fd, buffer, done, bytes - done, start + at + done);
      if (read === 0) break;
      done += read;
    }
    return buffer;
  };
}

/** Bytes that are read at a time. */
const CHUNK = 4 * 2 ** 20;

/**
 * A part of a file, in pieces.
 *
 * @throws Error when the file ends before the part does.
 */
export async function* readPart(
  file: FileHandle,
  start: number,
  bytes: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void> {
  for (let done = 0; done < bytes;) {
    signal?.throwIfAborted();
    const data = await readAt(file, start + done, Math.min(CHUNK, bytes - done));
    if (data.length === 0) throw new Error('the file ends before its content');
    yield data;
    done += data.length;
  }
}

/** Writes all of a buffer at a place of a file. */
export async function writeAll(file: FileHandle, data: Buffer, at: number): Promise<void> {
  for (let done = 0; done < data.length;) {
    const { bytesWritten } = await file.write(data, done, data.length - done, at + done);
    done += bytesWritten;
  }
}
