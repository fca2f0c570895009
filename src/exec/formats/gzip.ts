import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';

const deflate = promisify(deflateRaw);

/** What one core compresses at a time; a fixed size, so that the result is the same with any number of cores. */
const CHUNK = 2 ** 20;

/** How far back deflate looks. */
const WINDOW = 2 ** 15;

/** zlib's default; Debian's own images are made with it, too. */
const LEVEL = 6;

/** No name, no time, an unknown system (RFC 1952). */
const HEADER = Buffer.from('1f8b08000000000000ff', 'hex');

/** A last block without content (RFC 1951). */
const LAST_BLOCK = Buffer.from('0300', 'hex');

/**
 * Compresses a stream on all cores as pigz does: into one member, which every reader takes; some stop after the first.
 *
 * @param stream may use the memory of a buffer again once the next is asked for.
 */
export async function* gzip(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const waiting: Promise<Buffer>[] = [];
  let sum = 0;
  let bytes = 0;
  let before: Buffer = Buffer.alloc(0);
  const begin = (chunk: Buffer): void => {
    const dictionary = before;
    const compressed = deflate(chunk, {
      level: LEVEL,
      // Ends at a whole byte, so that the next can follow.
      finishFlush: constants.Z_SYNC_FLUSH,
      ...(dictionary.length === 0 ? {} : { dictionary }),
    });
    // Awaited when its turn comes.
    compressed.catch(() => undefined);
    waiting.push(compressed);
    sum = crc32(chunk, sum);
    bytes += chunk.length;
    before = chunk.subarray(-WINDOW);
  };
  const most = 2 * availableParallelism();
  yield HEADER;
  for await (const chunk of chunks(stream)) {
    begin(chunk);
    if (waiting.length >= most) yield (await waiting.shift()) ?? LAST_BLOCK;
  }
  for (const compressed of waiting) yield await compressed;
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(sum, 0);
  trailer.writeUInt32LE(bytes % 2 ** 32, 4);
  yield Buffer.concat([LAST_BLOCK, trailer]);
}

/** A stream in pieces of equal size; each in memory of its own. */
async function* chunks(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  let chunk = Buffer.allocUnsafe(CHUNK);
  let filled = 0;
  for await (const data of stream) {
    for (let at = 0; at < data.length;) {
      const copied = data.copy(chunk, filled, at);
      filled += copied;
      at += copied;
      if (filled < CHUNK) continue;
      yield chunk;
      chunk = Buffer.allocUnsafe(CHUNK);
      filled = 0;
    }
  }
  if (filled > 0) yield chunk.subarray(0, filled);
}
