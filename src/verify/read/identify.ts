import type { ContentFacts } from '../facts.js';
import { readText, readUuid, type Bytes } from './bytes.js';

/** Something that lies in a partition. `at` is where its own data begin: behind a RAID superblock, for one. */
export interface Content extends ContentFacts {
  readonly at: number;
}

/** A member of an array (md with a superblock of version 1.2), with the place where its data begin; undefined when it is none. */
export async function raidAt(bytes: Bytes, at: number): Promise<Content | undefined> {
  const block = await bytes.read(at + 4096, 256);
  if (block.readUInt32LE(0) !== 0xa92b4efc) return undefined;
  const data = at + Number(block.readBigUInt64LE(128)) * 512;
  return { format: 'raid', uuid: readUuid(block, 16, 'plain'), label: readText(block, 32, 32).trim(), at: data };
}

/** What lies at an offset of a disk, by the magic numbers that blkid looks for; undefined when nothing is known of it. */
export async function identify(bytes: Bytes, at: number): Promise<Content | undefined> {
  const head = await bytes.read(at, 8192);
  const text = (from: number, length: number): string => readText(head, from, length);
  const found = (format: string, uuid: string, label: string): Content => ({ format, uuid, label: label.trim(), at });

  if (text(0, 4) === 'LUKS') return found('luks', text(168, 40), head.readUInt16BE(6) === 2 ? text(24, 48) : '');
  const raid = await raidAt(bytes, at);
  if (raid !== undefined) return (await identify(bytes, raid.at)) ?? { ...raid, at };
  if ([0, 1, 2, 3].some((sector) => text(sector * 512, 8) === 'LABELONE')) return found('lvm', '', '');
  if (head.readUInt16LE(1024 + 56) === 0xef53)
    return found('ext4', readUuid(head, 1024 + 104, 'plain'), text(1024 + 120, 16));
  if (text(4086, 10) === 'SWAPSPACE2') return found('swap', readUuid(head, 1036, 'plain'), text(1052, 16));
  if (text(0, 4) === 'XFSB') return found('xfs', readUuid(head, 32, 'plain'), text(108, 12));
  if (text(82, 8) === 'FAT32   ') return found('vfat', serial(head, 67), text(71, 11));
  if (/^FAT1[26] {3}$/.test(text(54, 8))) return found('vfat', serial(head, 39), text(43, 11));
  const btrfs = await bytes.read(at + 65536, 1024);
  if (readText(btrfs, 64, 8) === '_BHRfS_M')
    return found('btrfs', readUuid(btrfs, 32, 'plain'), readText(btrfs, 299, 256));
  return undefined;
}

/** As blkid prints it, e.g. `ABCD-1234`. */
function serial(head: Buffer, at: number): string {
  return head
    .readUInt32LE(at)
    .toString(16)
    .toUpperCase()
    .padStart(8, '0')
    .replace(/^(.{4})/, '$1-');
}
