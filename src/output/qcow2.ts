/*
 * qcow2, version 3, as QEMU's docs/interop/qcow2.txt describes it. The first cluster is the header; then data; then tables:
 * level 2 (where each cluster of the disk lies), level 1 (where the tables of level 2 lie), and how often each cluster of the
 * file is used. Numbers are big-endian.
 *
 * Compressed clusters lie behind each other to the byte, so that several of the disk share one of the file.
 */

const CLUSTER_BITS = 16;
export const QCOW2_CLUSTER = 2 ** CLUSTER_BITS;

/** Entries in a table of level 1 or 2, and in the list of refcount blocks: one cluster of them. */
const ENTRIES = QCOW2_CLUSTER / 8;

/** Refcounts of 16 bits in a cluster. */
const REFCOUNTS = QCOW2_CLUSTER / 2;

/** Header with the byte that names the compression, which an incompatible feature announces when it is not zlib. */
const HEADER_BYTES = 112;
const FEATURE_COMPRESSION = 1n << 3n;
const ZSTD = 1;

/** Entries of level 2: in use once and as it is; compressed; and where in the file. */
const COPIED = 1n << 63n;
const COMPRESSED = 1n << 62n;
const OFFSET = 0x00ff_ffff_ffff_fe00n;
/** In a compressed entry, sectors that the data reaches into stand above the place: 62 − (cluster bits − 8). */
const SECTORS_SHIFT = 54n;
const COMPRESSED_OFFSET = (1n << SECTORS_SHIFT) - 1n;

/** A table of level 2 of an image, apart from where its data lies. */
export interface Qcow2Part {
  /** Clusters of the file that hold data, ascending. */
  readonly clusters: readonly number[];
  /** How many clusters of the disk each of them holds a piece of. */
  readonly references: readonly number[];
  /** By the number of the cluster of the disk: the entry, with the place in `clusters` for the cluster of the file. */
  readonly entries: ReadonlyMap<number, { readonly place: number; readonly offset: bigint; readonly flags: bigint }>;
}

/** Where the first tables of level 2 of an image are to be found. */
export function qcow2Level1(header: Buffer): { readonly offset: number; readonly entries: number } {
  if (header.readUInt32BE(20) !== CLUSTER_BITS) throw new Error('qemu-img has written clusters of another size');
  return { offset: Number(header.readBigUInt64BE(40)), entries: header.readUInt32BE(36) };
}

/** The place of a table of level 2, as level 1 tells; 0 for none. */
export function qcow2Level2(entry: Buffer): number {
  return Number(entry.readBigUInt64BE() & OFFSET);
}

/** Reads a table of level 2. */
export function qcow2Part(table: Buffer): Qcow2Part {
  const found = Array.from({ length: table.length / 8 }, (_, index) => ({
    index,
    entry: table.readBigUInt64BE(index * 8),
  }))
    // What is all zeros may be marked so; without a backing file that is the same as nothing.
    .filter(({ entry }) => entry !== 0n && (entry & 1n & ~(entry >> 62n)) === 0n)
    .map(({ index, entry }) => ({ index, entry, ...spanOf(entry) }));
  const counts = new Map<number, number>();
  for (const { first, last } of found) {
    for (let cluster = first; cluster <= last; cluster += 1) counts.set(cluster, (counts.get(cluster) ?? 0) + 1);
  }
  const clusters = [...counts.keys()].sort((a, b) => a - b);
  const places = new Map(clusters.map((cluster, place) => [cluster, place]));
  const entries = found.map(({ index, entry, first, at }) => {
    const flags = (entry & COMPRESSED) === 0n ? COPIED : entry & ~COMPRESSED_OFFSET;
    return [index, { place: places.get(first) ?? 0, offset: BigInt(at % QCOW2_CLUSTER), flags }] as const;
  });
  return { clusters, references: clusters.map((cluster) => counts.get(cluster) ?? 0), entries: new Map(entries) };
}

/** The clusters of the file that an entry of level 2 reaches into. */
function spanOf(entry: bigint): { readonly at: number; readonly first: number; readonly last: number } {
  if ((entry & COMPRESSED) === 0n) {
    const at = Number(entry & OFFSET);
    return { at, first: at / QCOW2_CLUSTER, last: at / QCOW2_CLUSTER };
  }
  const at = Number(entry & COMPRESSED_OFFSET);
  const sectors = Number((entry & ~COMPRESSED & ~COPIED) >> SECTORS_SHIFT) + 1;
  const end = Math.floor(at / 512) * 512 + sectors * 512;
  return { at, first: Math.floor(at / QCOW2_CLUSTER), last: Math.floor((end - 1) / QCOW2_CLUSTER) };
}

/** What a disk is without compression: data cluster behind cluster, given the numbers that they have on the disk. */
export function qcow2Plain(indexes: readonly number[]): PlacedPart {
  const entry = (place: number) => ({ place, offset: 0n, flags: COPIED });
  const part = {
    clusters: indexes.map((_, place) => place),
    references: indexes.map(() => 1),
    entries: new Map(indexes.map((index, place) => [index, entry(place)])),
  };
  return { part, start: 0, base: 1 };
}

/** A part with the place of its data in the new file. */
export interface PlacedPart {
  readonly part: Qcow2Part;
  /** Cluster of the disk that its first entry is for. */
  readonly start: number;
  /** Cluster of the file that its data begins with. */
  readonly base: number;
}

/**
 * What a file has around its data: the header, and the tables behind the data.
 *
 * @param diskBytes size of the disk, a multiple of 512.
 * @param parts of which the data lies behind each other, from the second cluster of the file on.
 * @param compressed whether any of it is; QEMU before 5.1 refuses the file then.
 */
export function qcow2Tables(
  diskBytes: number,
  parts: readonly PlacedPart[],
  compressed: boolean,
): { header: Buffer; tables: Buffer } {
  const data = parts.flatMap(({ part }) => part.references);
  const spans = Math.ceil(diskBytes / QCOW2_CLUSTER / ENTRIES);
  const level2 = new Map<number, Buffer>();
  for (const { part, start, base } of parts) {
    for (const [index, { place, offset, flags }] of part.entries) {
      const span = Math.floor((start + index) / ENTRIES);
      const table = level2.get(span) ?? Buffer.alloc(QCOW2_CLUSTER);
      level2.set(span, table);
      const at = BigInt(base + place) * BigInt(QCOW2_CLUSTER) + offset;
      table.writeBigUInt64BE(flags | at, ((start + index) % ENTRIES) * 8);
    }
  }
  const level1At = 1 + data.length + level2.size;
  const level1 = Buffer.alloc(Math.ceil((spans * 8) / QCOW2_CLUSTER) * QCOW2_CLUSTER);
  [...level2.keys()].forEach((span, index) => {
    level1.writeBigUInt64BE(COPIED | BigInt((1 + data.length + index) * QCOW2_CLUSTER), span * 8);
  });
  const listAt = level1At + level1.length / QCOW2_CLUSTER;
  const { list, blocks } = refcounts([1, ...data, ...new Array<number>(listAt - 1 - data.length).fill(1)]);
  return {
    header: header(
      diskBytes,
      { at: level1At, entries: spans },
      { at: listAt, clusters: list.length / QCOW2_CLUSTER },
      compressed,
    ),
    tables: Buffer.concat([...level2.values(), level1, list, blocks]),
  };
}

/** The list of refcount blocks and these, which count themselves; they lie behind what is counted. */
function refcounts(counts: readonly number[]): { readonly list: Buffer; readonly blocks: Buffer } {
  const sizes = (blocks: number): { lists: number; total: number } => {
    const lists = Math.ceil(blocks / ENTRIES);
    return { lists, total: counts.length + lists + blocks };
  };
  let number = 1;
  while (sizes(number).total > number * REFCOUNTS) number += 1;
  const { lists, total } = sizes(number);
  const blocks = Buffer.alloc(number * QCOW2_CLUSTER);
  for (let cluster = 0; cluster < total; cluster += 1) blocks.writeUInt16BE(counts[cluster] ?? 1, cluster * 2);
  const list = Buffer.alloc(lists * QCOW2_CLUSTER);
  for (let block = 0; block < number; block += 1) {
    list.writeBigUInt64BE(BigInt((counts.length + lists + block) * QCOW2_CLUSTER), block * 8);
  }
  return { list, blocks };
}

function header(
  diskBytes: number,
  level1: { readonly at: number; readonly entries: number },
  list: { readonly at: number; readonly clusters: number },
  compressed: boolean,
): Buffer {
  const bytes = Buffer.alloc(QCOW2_CLUSTER);
  bytes.write('QFI\xfb', 0, 'latin1');
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(CLUSTER_BITS, 20);
  bytes.writeBigUInt64BE(BigInt(diskBytes), 24);
  bytes.writeUInt32BE(level1.entries, 36);
  bytes.writeBigUInt64BE(BigInt(level1.at * QCOW2_CLUSTER), 40);
  bytes.writeBigUInt64BE(BigInt(list.at * QCOW2_CLUSTER), 48);
  bytes.writeUInt32BE(list.clusters, 56);
  bytes.writeBigUInt64BE(compressed ? FEATURE_COMPRESSION : 0n, 72);
  // Refcounts of 2^4 bits.
  bytes.writeUInt32BE(4, 96);
  bytes.writeUInt32BE(HEADER_BYTES, 100);
  bytes.writeUInt8(compressed ? ZSTD : 0, 104);
  return bytes;
}
