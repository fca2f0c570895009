import type { ContentFacts } from '../facts.js';
import { readText, readUuid, type Bytes } from './bytes.js';

/** Something that lies in a partition. `at` is where its own data begin: behind a RAID superblock, for one. */
export interface Content extends ContentFacts {
  readonly at: number;
}

/** What lies at an offset of a disk, by the magic numbers that blkid looks for; undefined when nothing is known of it. */
export async function identify(bytes: Bytes, at: number): Promise<Content | undefined> {
  const head = await bytes.read(at, 8192);
  const text = (from: number, length: number): string => readText(head, from, length);
  const found = (format: string, uuid: string, label: string): Content => ({ format, uuid, label: label.trim(), at });

  if (text(0, 4) === 'LUKS') return found('luks', text(168, 40), head.readUInt16BE(6) === 2 ? text(24, 48) : '');
  if (head.readUInt32LE(4096) === 0xa92b4efc) {
    const inner = await identify(bytes, at + Number(head.readBigUInt64LE(4096 + 128)) * 512);
    const raid = { ...found('raid', readUuid(head, 4096 + 16, 'plain'), text(4096 + 32, 32)) };
    return inner ?? raid;
  }
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
