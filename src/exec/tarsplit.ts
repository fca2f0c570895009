import { createHash } from 'node:crypto';

/** A run of whole tar blocks that is compressed as one zstd frame. */
export interface Piece {
  readonly sha256: string;
  readonly bytes: number;
  readonly content: readonly Buffer[];
}

const BLOCK = 512;
/**
 * Between these a piece ends before a member whose name says so; beyond the second it ends at once. Small, for what
 * changes is what costs: with 4 and 12 MiB a container's 60 further packages had 214 MB compressed anew, now 120 MB, and one
 * option 7 MB instead of 25. The image is 1.3 % larger for it, since zstd looks back no further than its frame.
 */
const MIN_PIECE = 1 << 20;
export const MAX_PIECE = 8 << 20;
/** One name in 32 ends a piece. */
const CUT_MASK = 31;
/** A member of this many bytes is a piece for itself: what comes or goes beside a large library leaves its piece alone. */
const ALONE = 1 << 20;

export interface TarSplitter {
  /** Takes the next bytes of the tar, and gives the pieces that end in them. What they hold must not change before they are used. */
  readonly push: (data: Buffer) => Piece[];
  /** The last piece; throws when the tar is no whole one. */
  readonly finish: () => Piece[];
}

/**
 * Cuts a tar into pieces at places that depend on the names and sizes of members, not on what was before them.
 *
 * A change of one file then changes one piece: the others keep their content, hence their hash, hence their compressed
 * form in the cache. zstd frames may be concatenated (RFC 8878, section 3), so the pieces in a row are one valid file.
 */
export function tarSplitter(): TarSplitter {
  let held: Buffer[] = [];
  let bytes = 0;
  let hash = createHash('sha256');
  /** Content bytes (with padding) that still belong to the current member. */
  let content = 0;
  /** The next header belongs to the one before it (pax and GNU long names come as members of their own). */
  let attached = false;
  /** The member before was a large one. */
  let large = false;
  /** A header that has not come whole. */
  let header: Buffer = Buffer.alloc(0);

  const hold = (run: Buffer): void => {
    if (run.length === 0) return;
    held.push(run);
    hash.update(run);
  };
  const take = (): Piece => {
    const piece = { sha256: hash.digest('hex'), bytes, content: held };
    held = [];
    bytes = 0;
    hash = createHash('sha256');
    return piece;
  };
  /** Whether a piece ends before the header; goes into the member. */
  const enter = (block: Buffer): boolean => {
    const size = sizeOf(block);
    const cut = bytes >= MAX_PIECE || (bytes >= MIN_PIECE && cutsAt(block)) || large || size >= ALONE;
    const ends = cut && !attached && bytes > 0;
    content = Math.ceil(size / BLOCK) * BLOCK;
    large = size >= ALONE;
    attached = 'xgLK'.includes(String.fromCharCode(block[156] ?? 0));
    return ends;
  };

  const push = (data: Buffer): Piece[] => {
    const pieces: Piece[] = [];
    // Up to here the data is held; beyond lies what belongs to the same piece.
    let from = 0;
    let at = 0;
    while (at < data.length) {
      if (content > 0) {
        const n = Math.min(content, data.length - at, MAX_PIECE - bytes);
        at += n;
        bytes += n;
        content -= n;
        if (content === 0 || bytes < MAX_PIECE) continue;
        hold(data.subarray(from, at));
        from = at;
        pieces.push(take());
        continue;
      }
      const n = Math.min(BLOCK - header.length, data.length - at);
      const start = at;
      at += n;
      if (n === BLOCK) {
        header = data.subarray(start, at);
      } else {
        hold(data.subarray(from, start));
        header = Buffer.concat([header, data.subarray(start, at)]);
        from = at;
        if (header.length < BLOCK) continue;
      }
      if (enter(header)) {
        if (n === BLOCK) hold(data.subarray(from, start));
        from = n === BLOCK ? start : at;
        pieces.push(take());
      }
      if (n < BLOCK) hold(header);
      bytes += BLOCK;
      header = Buffer.alloc(0);
    }
    hold(data.subarray(from, at));
    return pieces;
  };
  const finish = (): Piece[] => {
    if (header.length > 0) throw new Error('the tar stream ends in the middle of a header');
    return bytes > 0 ? [take()] : [];
  };
  return { push, finish };
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
