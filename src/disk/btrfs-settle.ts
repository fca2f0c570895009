import { HEADER, ITEM, itemsOf, KEY, POINTER, TYPE, type Item } from './btrfs.js';
import { crc32c } from './crc.js';
import { uuidOf } from './identity.js';

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
