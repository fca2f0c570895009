/** The most that one block may hold or stand for (RFC 8878, 3.1.1.2.3), and a frame of zeros of ours. */
const BLOCK = 2 ** 17;
const MOST = 2 ** 30;

/** Bytes of a frame's header, of a block's, and of a block that repeats one byte. */
const HEADER = 14;
const BLOCK_HEADER = 3;
const REPEATED = BLOCK_HEADER + 1;

/** Kinds of blocks: content as it is, and one byte that is repeated. */
const RAW = 0;
const RLE = 1;

/**
 * Frames of zstd that decompress to so many zeros (RFC 8878, 3.1.1): each has magic, descriptor (size in 8 bytes, no checksum), window
 * of 128 KiB, size, and blocks of the kind that repeats one byte.
 */
export function zstdZeros(bytes: number): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes; at += MOST) frames.push(zeroFrame(Math.min(MOST, bytes - at)));
  return Buffer.concat(frames);
}

function zeroFrame(bytes: number): Buffer {
  const frame = Buffer.alloc(HEADER + Math.ceil(bytes / BLOCK) * REPEATED);
  frameHeader(frame, bytes);
  // The byte behind the header of a block is the one that is repeated.
  for (let at = HEADER, left = bytes; left > 0; at += REPEATED, left -= BLOCK) blockHeader(frame, at, RLE, left);
  return frame;
}

/** A frame of zstd that holds data as they are, in blocks that nobody has tried to compress. */
export function zstdRaw(data: Buffer): Buffer {
  const frame = Buffer.alloc(HEADER + data.length + Math.ceil(data.length / BLOCK) * BLOCK_HEADER);
  frameHeader(frame, data.length);
  let to = HEADER;
  for (let from = 0; from < data.length; from += BLOCK) {
    blockHeader(frame, to, RAW, data.length - from);
    to += BLOCK_HEADER;
    to += data.copy(frame, to, from, from + BLOCK);
  }
  return frame;
}

function frameHeader(frame: Buffer, bytes: number): void {
  frame.write('28b52ffdc038', 'hex');
  frame.writeBigUInt64LE(BigInt(bytes), 6);
}

/** Whether it is the last one, its kind, its size. */
function blockHeader(frame: Buffer, at: number, kind: number, left: number): void {
  const last = left <= BLOCK ? 1 : 0;
  frame.writeUIntLE(last + kind * 2 + Math.min(BLOCK, left) * 8, at, BLOCK_HEADER);
}

/** What is looked at of data: so many parts of so many bytes, evenly spread. */
const PARTS = 64;
const PART = 256;

/**
 * Of random bytes, the sum is a chi-squared with 255 degrees of freedom: 255 on average, above 400 once in 10^8 times. Padding,
 * text, code and tables make it thousands.
 */
const LIMIT = 400;

/**
 * Whether data look like random bytes, such as encrypted ones, of which no compression makes less. Decided by how often each value
 * occurs in a sample, by Pearson's test.
 *
 * @param data at least 16 KiB; of less, nothing can be said.
 */
export function looksRandom(data: Buffer): boolean {
  if (data.length < PARTS * PART) return false;
  const counts = new Uint32Array(256);
  const step = Math.floor(data.length / PARTS);
  for (let part = 0; part < PARTS; part += 1) {
    for (const value of data.subarray(part * step, part * step + PART)) counts[value] = (counts[value] ?? 0) + 1;
  }
  const expected = (PARTS * PART) / 256;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2, 0) / expected < LIMIT;
}
