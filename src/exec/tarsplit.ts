import { createHash } from 'node:crypto';

/** A run of whole tar blocks that is compressed as one zstd frame. */
export interface Piece {
  readonly sha256: string;
  readonly chunks: readonly Buffer[];
  readonly bytes: number;
}

const BLOCK = 512;
/** Between these a piece ends before a member whose name says so; beyond the second it ends at once. */
const MIN_PIECE = 4 << 20;
const MAX_PIECE = 12 << 20;
/** One name in 64 ends a piece. */
const CUT_MASK = 63;

/**
 * Cuts a tar stream into pieces at places that depend on the names of members, not on what was before them.
 *
 * A change of one file then changes one piece: the others keep their content, hence their hash, hence their compressed
 * form in the cache. zstd frames may be concatenated (RFC 8878, section 3), so the pieces in a row are one valid file.
 */
export async function* splitTar(stream: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  let chunks: Buffer[] = [];
  let bytes = 0;
  let hash = createHash('sha256');
  /** Content bytes (with padding) that still belong to the current member. */
  let content = 0;
  /** The next header belongs to the one before it (pax and GNU long names come as members of their own). */
  let attached = false;
  let header: Buffer = Buffer.alloc(0);

  const add = (data: Buffer): void => {
    if (data.length === 0) return;
    chunks.push(data);
    bytes += data.length;
    hash.update(data);
  };
  const take = (): Piece => {
    const piece = { sha256: hash.digest('hex'), chunks, bytes };
    chunks = [];
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
      header = header.length === 0 ? data.subarray(at, at + n) : Buffer.concat([header, data.subarray(at, at + n)]);
      at += n;
      if (header.length < BLOCK) continue;
      if (!attached && bytes > 0 && (bytes >= MAX_PIECE || (bytes >= MIN_PIECE && cutsAt(header)))) yield take();
      add(header);
      content = Math.ceil(sizeOf(header) / BLOCK) * BLOCK;
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
