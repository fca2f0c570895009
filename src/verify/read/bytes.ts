import { open } from 'node:fs/promises';

/** A file, or a part of one, that is read here and there. */
export interface Bytes {
  readonly size: number;
  /** Exactly so many bytes; zeros stand for those that lie outside, so that no header of a damaged file is too short. */
  readonly read: (at: number, length: number) => Promise<Buffer>;
}

/** Lets `use` read a file, or the part of it that an archive holds it in. */
export async function withBytes<T>(
  file: string,
  use: (bytes: Bytes) => Promise<T>,
  part?: { readonly at: number; readonly bytes: number },
): Promise<T> {
  const handle = await open(file, 'r');
  try {
    const size = part?.bytes ?? (await handle.stat()).size;
    const read = async (at: number, length: number): Promise<Buffer> => {
      const buffer = Buffer.alloc(length);
      const there = Math.min(length, size - at);
      if (at >= 0 && there > 0) await handle.read(buffer, 0, there, (part?.at ?? 0) + at);
      return buffer;
    };
    return await use({ size, read });
  } finally {
    await handle.close();
  }
}

/** A 64-bit number as it is used here: nothing that is measured comes near 2^53. */
export function readU64(buffer: Buffer, at: number): number {
  return buffer.length < at + 8 ? 0 : Number(buffer.readBigUInt64LE(at));
}

/** Text of fixed length up to its first zero byte. */
export function readText(buffer: Buffer, at: number, length: number): string {
  const text = buffer.toString('latin1', at, at + length);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** A UUID as text; `mixed` has its first three groups in little-endian order, as GPT stores them. */
export function readUuid(buffer: Buffer, at: number, order: 'plain' | 'mixed'): string {
  const bytes = Buffer.from(buffer.subarray(at, at + 16));
  if (order === 'mixed') {
    bytes.subarray(0, 4).reverse();
    bytes.subarray(4, 6).reverse();
    bytes.subarray(6, 8).reverse();
  }
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
