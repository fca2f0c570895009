import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { EntryKind } from '../facts.js';

/** The highest four bits of a mode, above those for setuid, setgid and sticky. */
const KIND_BITS: Readonly<Record<number, EntryKind>> = {
  0o01: 'fifo',
  0o02: 'char',
  0o04: 'directory',
  0o06: 'block',
  0o10: 'file',
  0o12: 'symlink',
  0o14: 'socket',
};

/** What a mode says that a file is. */
export function kindOf(mode: number): EntryKind {
  return KIND_BITS[mode >> 12] ?? 'file';
}

/** SHA-256 of a file, which is read in pieces. */
export async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}

/** The beginning of a file, one character a byte. */
export async function head(file: string, length: number): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(length, (await handle.stat()).size));
    await handle.read(buffer, 0, buffer.length, 0);
    return buffer.toString('latin1');
  } finally {
    await handle.close();
  }
}
