import { createHash } from 'node:crypto';

/** A run of whole tar blocks that is compressed as one zstd frame. */
export interface Piece {
  readonly sha256: string;
  /** Where it begins in the stream, in bytes. */
  readonly start: number;
  readonly bytes: number;
}

const BLOCK = 512;
/**
 * Between these a piece ends before a member whose name says so; beyond the second it ends at once. Small, for what
 * changes is what costs: with 4 and 12 MiB a container's 60 further packages had 214 MB compressed anew, now 120 MB, and one
 * option 7 MB instead of 25. The image is 1.3 % larger for it, since zstd looks back no further than its frame.
 */
const MIN_PIECE = 1 << 20;
const MAX_PIECE = 8 << 20;
/** One name in 32 ends a piece. */
const CUT_MASK = 31;
/** A member of this many bytes is a piece for itself: what comes or goes beside a large library leaves its piece alone. */
const ALONE = 1 << 20;

/**
 * Cuts a tar stream into pieces at places that depend on the names and sizes of members, not on what was before them.
 *
 * A change of one file then changes one piece: the others keep their content, hence their hash, hence their compressed
 * form in the cache. zstd frames may be concatenated (RFC 8878, section 3), so the pieces in a row are one valid file.
 *
 * @param stream may use the memory of a buffer again once the next is asked for.
 */
export async function* splitTar(stream: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  let start = 0;
  let bytes = 0;
  let hash = createHash('sha256');
  /** Content bytes (with padding) that still belong to the current member. */
  let content = 0;
  /** The next header belongs to the one before it (pax and GNU long names come as members of their own). */
  let attached = false;
  /** The member before was a large one. */
  let large = false;
  let header: Buffer = Buffer.alloc(0);

  const add = (data: Buffer): void => {
    bytes += data.length;
    hash.update(data);
  };
  const take = (): Piece => {
    const piece = { sha256: hash.digest('hex'), start, bytes };
    start += bytes;
    bytes = 0;
    hash = createHash('sha256');
    return piece;
  };

  for await (const data of stream) {
    let at = 0;
    while (at < data.length) {
      if (content > 0) {
        const n = Math.min(content, data.length - at, MAX_PIECE - bytes);
        add(data.subarray(at, at + n));
        at += n;
        content -= n;
        if (content > 0 && bytes >= MAX_PIECE) yield take();
        continue;
      }
      const n = Math.min(BLOCK - header.length, data.length - at);
      header = n === BLOCK ? data.subarray(at, at + n) : Buffer.concat([header, data.subarray(at, at + n)]);
      at += n;
      if (header.length < BLOCK) continue;
      const size = sizeOf(header);
      const cut = bytes >= MAX_PIECE || (bytes >= MIN_PIECE && cutsAt(header)) || large || size >= ALONE;
      if (cut && !attached && bytes > 0) yield take();
      add(header);
      content = Math.ceil(size / BLOCK) * BLOCK;
      large = size >= ALONE;
      attached = 'xgLK'.includes(String.fromCharCode(header[156] ?? 0));
      header = Buffer.alloc(0);
    }
  }
  if (header.length > 0) throw new Error('the tar stream ends in the middle of a header');
  if (bytes > 0) yield take();
}

/** FNV-1a over the name field. */
function cutsAt(header: Buffer): boolean {
  let hash = 0x811c9dc5;
  for (let i = 0; i < 100; i++) hash = Math.imul(hash ^ (header[i] ?? 0), 0x01000193) >>> 0;
  return (hash & CUT_MASK) === 0;
}

/** Size of a member: octal, or base 256 when the first bit is set (GNU, above 8 GiB). */
function sizeOf(header: Buffer): number {
  if (((header[124] ?? 0) & 0x80) !== 0) return Number(header.readBigUInt64BE(128));
  const text = header.toString('latin1', 124, 136).replace(/[\0 ].*$/s, '');
  return text === '' ? 0 : Number.parseInt(text, 8);
}
