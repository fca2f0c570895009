import { crc32c } from './crc.js';
import { overlaps } from './extents.js';
import type { Extents } from './types.js';

/*
 * The parts of btrfs that tell what it refers to, and those that mkfs.btrfs fills with chance and with the time of day, byte
 * by byte (include/uapi/linux/btrfs_tree.h of Linux; all numbers little endian):
 *
 * superblock, 64 KiB into the file system, with copies: file system's UUID 32–47, magic 64, address of the tree of trees 80,
 *   of the chunk tree 88, bytes of a device 112, of a block 148, length of the list of system chunks 160, that list 811
 * block: checksum 0–31 (CRC-32C of 32 to the end, in the first 4), UUID 32–47, own address 48, chunk tree's UUID 64–79,
 *   tree 88, number of items 96, level 100; from 101 on pointers (key, address, generation) or, at level 0, items: key 17
 *   (object 8, type 1, offset 8), where its data lies behind byte 101, and how long it is
 * tree: address of its first block 176
 * extent: address and length are its key; that of a block is as long as a block
 * chunk: length 0, kind 24, stripes 44, then from 48 on for each stripe device 0, place on it 8, device's UUID 16
 */
const MAGIC = '_BHRfS_M';
export const HEADER = 101;
export const KEY = 17;
export const ITEM = KEY + 8;
export const POINTER = KEY + 16;
const CHUNK_HEADER = 48;
const STRIPE = 32;

/** The superblock and its copies: fs/btrfs/disk-io.h, btrfs_sb_offset. */
const SUPERBLOCKS = [2 ** 16, 2 ** 26, 2 ** 38] as const;
const SUPERBLOCK_BYTES = 4096;

export const TYPE = {
  inode: 1,
  root: 132,
  extent: 168,
  block: 169,
  deviceExtent: 204,
  chunk: 228,
  uuid: 251,
} as const;

/** Number of the tree of all extents. */
const EXTENT_TREE = 2n;

/** Kinds of chunks that hold blocks of trees: SYSTEM, METADATA. */
const TREES = 0x2n | 0x4n;

/** Addresses that lie together on the disk, there once or twice. */
interface Chunk {
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
}

/** A part of a file system that it refers to, from its first byte on. */
export interface Part extends Extents {
  /** What blocks of trees call it; only they have one. */
  readonly address?: number;
}

/** Reads bytes of a file system. */
type Read = (at: number, bytes: number) => Buffer;

/**
 * Reads where a file system that nobody uses has something: its superblocks, the blocks of its trees and the contents of files.
 * Nothing else is ever read.
 *
 * @returns also the parts, in the order of their places; none overlaps the next.
 * @throws Error when there is no btrfs, or one whose trees are broken.
 */
export function readBtrfs(read: Read): { superblock: Superblock; parts: Part[] } {
  const bytes = read(SUPERBLOCKS[0], SUPERBLOCK_BYTES);
  if (bytes.toString('latin1', 64, 72) !== MAGIC) throw new Error('there is no btrfs');
  const superblock = { uuid: bytes.subarray(32, 48), blockBytes: bytes.readUInt32LE(148) };
  const size = Number(bytes.readBigUInt64LE(112));
  const system = { read, superblock, chunks: systemChunks(bytes) };
  const chunks = leaves(system, address(bytes, 88))
    .filter(({ type }) => type === TYPE.chunk)
    .map(({ key, data }) => chunkOf(key, data))
    .sort((a, b) => a.address - b.address);
  const whole = { ...system, chunks };
  const trees = leaves(whole, address(bytes, 80));
  const tree = trees.find(({ object, type }) => type === TYPE.root && object === EXTENT_TREE);
  if (tree === undefined) throw new Error('btrfs has no tree of extents');
  const extents = leaves(whole, address(tree.data, 176)).flatMap(({ key, type }): Extents[] => {
    if (type === TYPE.block) return [{ start: address(key, 0), bytes: superblock.blockBytes }];
    return type === TYPE.extent ? [{ start: address(key, 0), bytes: address(key, 9) }] : [];
  });
  const copies = SUPERBLOCKS.filter((at) => at + SUPERBLOCK_BYTES <= size);
  const parts = placed(joined(extents), chunks).concat(copies.map((start) => ({ start, bytes: SUPERBLOCK_BYTES })));
  return { superblock, parts: parts.sort((a, b) => a.start - b.start) };
}

function address(data: Buffer, at: number): number {
  return Number(data.readBigUInt64LE(at));
}

/** Those that the chunk tree itself lies in. */
function systemChunks(superblock: Buffer): Chunk[] {
  const chunks: Chunk[] = [];
  const list = superblock.subarray(811, 811 + superblock.readUInt32LE(160));
  for (let at = 0; at < list.length;) {
    const data = list.subarray(at + KEY);
    chunks.push(chunkOf(list.subarray(at), data));
    at += KEY + CHUNK_HEADER + STRIPE * data.readUInt16LE(44);
  }
  return chunks;
}

function chunkOf(key: Buffer, data: Buffer): Chunk {
  const places = Array.from({ length: data.readUInt16LE(44) }, (_, n) => address(data, CHUNK_HEADER + STRIPE * n + 8));
  return {
    address: address(key, 9),
    bytes: address(data, 0),
    trees: (data.readBigUInt64LE(24) & TREES) !== 0n,
    places,
  };
}

interface Opened {
  readonly read: Read;
  readonly superblock: Superblock;
  readonly chunks: readonly Chunk[];
}

/** All items of a tree, in the order of their keys. */
function leaves(opened: Opened, at: number): Item[] {
  const { read, superblock, chunks } = opened;
  const chunk = chunks.find((one) => at >= one.address && at < one.address + one.bytes);
  const place = chunk?.places[0];
  if (chunk === undefined || place === undefined) throw new Error('btrfs refers to what no chunk holds');
  const block = read(place + at - chunk.address, superblock.blockBytes);
  if (!isBlock(block, superblock, at)) throw new Error('btrfs has a broken block');
  if (block.readUInt8(100) === 0) return itemsOf(block);
  const pointers = Array.from({ length: block.readUInt32LE(96) }, (_, n) => HEADER + POINTER * n + KEY);
  return pointers.flatMap((pointer) => leaves(opened, address(block, pointer)));
}

/** Extents in order, those together that follow each other. */
function joined(extents: readonly Extents[]): Extents[] {
  const all: { start: number; bytes: number }[] = [];
  for (const { start, bytes } of extents) {
    const last = all.at(-1);
    if (last !== undefined && last.start + last.bytes === start) last.bytes += bytes;
    else all.push({ start, bytes });
  }
  return all;
}

/** Where addresses lie; both lists are in the order of addresses. */
function placed(extents: readonly Extents[], chunks: readonly Chunk[]): Part[] {
  let next = 0;
  const held = overlaps(
    extents,
    chunks.map(({ address: start, bytes }) => ({ start, bytes })),
  );
  return held.flatMap(({ start, bytes }) => {
    let chunk = chunks[next];
    while (chunk !== undefined && chunk.address + chunk.bytes <= start) chunk = chunks[++next];
    const { address: first = 0, places = [], trees = false } = chunk ?? {};
    return places.map((place): Part => {
      const at = { start: place + start - first, bytes };
      return trees ? { ...at, address: start } : at;
    });
  });
}

export interface Item {
  readonly key: Buffer;
  readonly object: bigint;
  readonly type: number;
  readonly data: Buffer;
}

/** The items of a block at the end of its tree. */
export function itemsOf(block: Buffer): Item[] {
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
