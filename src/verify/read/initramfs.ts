import { open, writeFile } from 'node:fs/promises';
import { createReadStream } from 'node:fs';
import { UserError } from '../../errors.js';
import type { Compression } from '../facts.js';
import { compressionOfBytes, unpacked } from './packed.js';

const HEADER = 110;

/**
 * Names of the kernel modules in an initramfs: cpio archives one after the other, the first ones (processor microcode) as
 * they are, the last one packed. Undefined when it is packed in a way that no tool here unpacks.
 */
export async function modulesIn(file: string, signal: AbortSignal): Promise<string[] | undefined> {
  const names: string[] = [];
  const restAt = await listCpio(createReadStream(file) as AsyncIterable<Buffer>, names);
  const handle = await open(file, 'r');
  let rest: Buffer;
  try {
    const { size } = await handle.stat();
    rest = Buffer.alloc(size - restAt);
    await handle.read(rest, 0, rest.length, restAt);
  } finally {
    await handle.close();
  }
  const compression: Compression = compressionOfBytes(rest);
  if (compression === 'unknown') return undefined;
  if (compression !== 'none') {
    const packed = `${file}.rest`;
    await writeFile(packed, rest);
    try {
      await listCpio(unpacked(packed, compression, signal), names);
    } catch (error) {
      if (error instanceof UserError) return undefined;
      throw error;
    }
  }
  return names.flatMap((name) => /([^/]+)\.ko(?:\.(?:xz|zst|gz))?$/.exec(name)?.[1] ?? []);
}

/** Adds the names in cpio archives (the `newc` kind) and returns where something else begins. */
async function listCpio(stream: AsyncIterable<Buffer>, names: string[]): Promise<number> {
  let buffer: Buffer = Buffer.alloc(0);
  let at = 0;
  let skip = 0;
  for await (const data of stream) {
    buffer = buffer.length === 0 ? data : Buffer.concat([buffer, data]);
    for (;;) {
      const skipped = Math.min(skip, buffer.length);
      buffer = buffer.subarray(skipped);
      skip -= skipped;
      at += skipped;
      if (skip > 0) break;
      // Archives are filled up with zeros.
      let zeros = 0;
      while (zeros < buffer.length && buffer[zeros] === 0) zeros += 1;
      buffer = buffer.subarray(zeros);
      at += zeros;
      if (buffer.length < HEADER) break;
      if (!/^07070[12]/.test(buffer.toString('latin1', 0, 6))) return at;
      const number = (from: number): number => Number.parseInt(buffer.toString('latin1', from, from + 8), 16);
      const [size, nameLength] = [number(54), number(94)];
      if (buffer.length < HEADER + nameLength) break;
      names.push(buffer.toString('utf8', HEADER, HEADER + nameLength - 1));
      // Header and name together, and content, are filled up to multiples of four bytes.
      skip = Math.ceil((HEADER + nameLength) / 4) * 4 + Math.ceil(size / 4) * 4;
    }
  }
  return at;
}
