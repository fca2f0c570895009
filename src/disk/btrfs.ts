import { crc32c } from './crc.js';
import { uuidOf } from './identity.js';

/*
 * The parts of btrfs that mkfs.btrfs fills with chance and with the time of day, byte by byte (include/uapi/linux/btrfs_tree.h
 * of Linux; all numbers little endian):
 *
 * superblock, 64 KiB into the file system: file system's UUID 32–47, magic 64, chunk tree's address 88, bytes of a block 148,
 *   length of the list of system chunks 160, that list 811
 * block: checksum 0–31 (CRC-32C of 32 to the end, in the first 4), UUID 32–47, own address 48, chunk tree's UUID 64–79,
 *   tree 88, number of items 96, level 100; from 101 on pointers (key, address, generation) or, at level 0, items: key 17
 *   (object 8, type 1, offset 8), where its data lies behind byte 101, and how long it is
 * chunk: length 0, kind 24, stripes 44, then from 48 on for each stripe device 0, place on it 8, device's UUID 16
 */
export const SUPERBLOCK_AT = 0x10000;
export const SUPERBLOCK_BYTES = 4096;
const MAGIC = '_BHRfS_M';
const HEADER = 101;
const KEY = 17;
const ITEM = KEY + 8;
const POINTER = KEY + 16;
const CHUNK_HEADER = 48;
const STRIPE = 32;

const TYPE = {
  inode: 1,
  root: 132,
  deviceExtent: 204,
  chunk: 228,
  uuid: 251,
} as const;

/** Kinds of chunks that hold blocks of trees: SYSTEM, METADATA. */
const TREES = 0x2n | 0x4n;

/** Addresses that lie together on the disk, there once or twice. */
export interface Chunk {
  readonly address: number;
  readonly bytes: number;
  /** Whether it holds trees, not data. */
  readonly trees: boolean;
  /** Where it lies in the file system, in bytes. */
  readonly places: readonly number[];
}

export interface Superblock {
  readonly uuid: Buffer;
  readonly blockBytes: number;
  readonly chunkTree: number;
  /** Those that the chunk tree itself lies in. */
  readonly chunks: readonly Chunk[];
}

/** Reads a superblock; throws when it is none. */
export function readSuperblock(bytes: Buffer): Superblock {
  if (bytes.toString('latin1', 64, 72) !== MAGIC) throw new Error('there is no btrfs');
  const chunks: Chunk[] = [];
  const list = bytes.subarray(811, 811 + bytes.readUInt32LE(160));
  for (let at = 0; at < list.length;) {
    const data = list.subarray(at + KEY);
    chunks.push(chunkOf(list.subarray(at), data));
    at += KEY + CHUNK_HEADER + STRIPE * data.readUInt16LE(44);
  }
  return {
    uuid: bytes.subarray(32, 48),
    blockBytes: bytes.readUInt32LE(148),
    chunkTree: Number(bytes.readBigUInt64LE(88)),
    chunks,
  };
}

function chunkOf(key: Buffer, data: Buffer): Chunk {
  const places = Array.from({ length: data.readUInt16LE(44) }, (_, n) =>
    Number(data.readBigUInt64LE(CHUNK_HEADER + STRIPE * n + 8)),
  );
  return {
    address: Number(key.readBigUInt64LE(9)),
    bytes: Number(data.readBigUInt64LE(0)),
    trees: (data.readBigUInt64LE(24) & TREES) !== 0n,
    places,
  };
}

/** All chunks, from the chunk tree, whose blocks `read` gets by their addresses. */
export function readChunks({ chunkTree }: Superblock, read: (address: number) => Buffer): Chunk[] {
  const below = (address: number): Chunk[] => {
    const block = read(address);
    const count = block.readUInt32LE(96);
    if (block.readUInt8(100) === 0) {
      return itemsOf(block).flatMap(({ type, key, data }) => (type === TYPE.chunk ? [chunkOf(key, data)] : []));
    }
    const pointers = Array.from({ length: count }, (_, n) => HEADER + POINTER * n + KEY);
    return pointers.flatMap((at) => below(Number(block.readBigUInt64LE(at))));
  };
  return below(chunkTree);
}

interface Item {
  readonly key: Buffer;
  readonly object: bigint;
  readonly type: number;
  readonly data: Buffer;
}

function itemsOf(block: Buffer): Item[] {
  return Array.from({ length: block.readUInt32LE(96) }, (_, n) => {
    const key = block.subarray(HEADER + ITEM * n, HEADER + ITEM * (n + 1));
    const start = HEADER + key.readUInt32LE(KEY);
    return {
      key,
      object: key.readBigUInt64LE(0),
      type: key.readUInt8(8),
      data: block.subarray(start, start + key.readUInt32LE(KEY + 4)),
    };
  });
}

/** Whether this is a block of a tree of that file system, whole, and at its address. */
export function isBlock(block: Buffer, { uuid }: Pick<Superblock, 'uuid'>, address: number): boolean {
  return (
    uuid.compare(block, 32, 48) === 0 &&
    block.readBigUInt64LE(48) === BigInt(address) &&
    block.readUInt32LE(0) === crc32c(block.subarray(32))
  );
}

/**
 * Gives a block what does not depend on chance or the clock, and its checksum: the UUIDs of the chunk tree and of
 * subvolumes come from the file system's; nothing is younger than `epoch`, and what was changed or read last was so when
 * it was written. What was left between items and their data is zero.
 *
 * @param seed the file system's UUID.
 * @param epoch seconds.
 */
export function settleBlock(block: Buffer, seed: string, epoch: number): void {
  const chunkTree = uuidBytes(seed, 'chunk tree');
  chunkTree.copy(block, 64);
  if (block.readUInt8(100) === 0) {
    const items = itemsOf(block);
    for (const item of items) settleItem(item, seed, epoch, chunkTree);
    if (items.some(({ type }) => type === TYPE.uuid)) sortItems(items);
    block.fill(
      0,
      HEADER + ITEM * items.length,
      Math.min(block.length, ...items.map(({ data }) => data.byteOffset - block.byteOffset)),
    );
  } else {
    block.fill(0, HEADER + POINTER * block.readUInt32LE(96));
  }
  block.writeUInt32LE(crc32c(block.subarray(32)), 0);
}

function settleItem({ key, object, type, data }: Item, seed: string, epoch: number, chunkTree: Buffer): void {
  if (type === TYPE.inode) {
    settleTimes(data, epoch);
  } else if (type === TYPE.deviceExtent) {
    chunkTree.copy(data, 32);
  } else if (type === TYPE.root) {
    settleTimes(data, epoch);
    const uuid = data.subarray(247, 263);
    if (uuid.some((byte) => byte !== 0)) subvolumeUuid(seed, object).copy(uuid);
    for (const at of [327, 339]) settleTime(data, at, epoch);
  } else if (type === TYPE.uuid) {
    // The UUID is the key.
    const uuid = subvolumeUuid(seed, data.readBigUInt64LE(0));
    uuid.copy(key, 0, 0, 8);
    uuid.copy(key, 9, 8, 16);
  }
}

function uuidBytes(seed: string, name: string): Buffer {
  return Buffer.from(uuidOf(seed, name).replaceAll('-', ''), 'hex');
}

function subvolumeUuid(seed: string, id: bigint): Buffer {
  return uuidBytes(seed, `subvolume ${String(id)}`);
}

/** Times of an inode, seconds in 8 and nanoseconds in 4 bytes each: read, changed, written, made. */
function settleTimes(inode: Buffer, epoch: number): void {
  const [read, changed, written, made] = [112, 124, 136, 148] as const;
  settleTime(inode, written, epoch);
  for (const at of [read, changed]) inode.copy(inode, at, written, written + 12);
  settleTime(inode, made, epoch);
}

function settleTime(data: Buffer, at: number, epoch: number): void {
  if (data.readBigInt64LE(at) < BigInt(epoch)) return;
  data.writeBigInt64LE(BigInt(epoch), at);
  data.writeUInt32LE(0, at + 8);
}

/** Puts the items of the tree of UUIDs, whose data is equally long, into the order of their keys again. */
function sortItems(items: readonly Item[]): void {
  const copies = items.map(({ key, data }) => ({ key: Buffer.from(key.subarray(0, KEY)), data: Buffer.from(data) }));
  copies.sort((a, b) => compareKeys(a.key, b.key));
  for (const [n, item] of items.entries()) {
    copies[n]?.key.copy(item.key);
    copies[n]?.data.copy(item.data);
  }
}

function compareKeys(a: Buffer, b: Buffer): number {
  const [one, other] = [a, b].map((key) => [key.readBigUInt64LE(0), BigInt(key.readUInt8(8)), key.readBigUInt64LE(9)]);
  const at = one?.findIndex((part, n) => part !== other?.[n]) ?? -1;
  return at < 0 ? 0 : (one?.[at] ?? 0n) < (other?.[at] ?? 0n) ? -1 : 1;
}
