import { MIB, roundUp } from '../config/layout-sizes.js';
import type { DiskPlan, FilesystemPlan } from './types.js';
import { leavesOf } from './walk.js';

/** What is to go into a file system. */
export interface Demand {
  /** Files and directories. */
  readonly entries: number;
  /** Content in blocks of 4 KiB, one for each directory. */
  readonly bytes: number;
}

const BLOCK = 4096;

/** Bytes of storage for each inode that ext4 is made with: mke2fs's own default, and more of them where it is small. */
export function inodeRatio(bytes: number): number {
  return bytes < 2 ** 30 ? 8192 : 16_384;
}

const INODE = 256;

/** A file system of the same format that would hold what is to go into it, rounded up; compression not counted. */
export function sizeFor({ format }: FilesystemPlan, demand: Demand): number {
  const step = format === 'vfat' ? MIB : 32 * MIB;
  let bytes = roundUp(demand.bytes, step);
  while (!holds(format, bytes, demand)) bytes += step;
  return bytes;
}

function holds(format: FilesystemPlan['format'], bytes: number, { entries, bytes: data }: Demand): boolean {
  switch (format) {
    case 'ext4': {
      const inodes = bytes / inodeRatio(bytes);
      // Behind 11 reserved inodes; 2 % for bitmaps, group descriptors with room to grow, and extents.
      const room = bytes * 0.98 - inodes * INODE - journalBlocks(bytes / BLOCK) * BLOCK;
      return room >= data && inodes >= entries + 11;
    }
    case 'btrfs':
      // Metadata is there twice, 109 MiB at the least (mkfs.btrfs).
      return bytes * 0.9 - 109 * MIB >= data;
    case 'vfat':
      // Clusters are not larger than blocks here; two tables of 4 bytes for each.
      return bytes * 0.97 >= data;
  }
}

/** Size that mke2fs gives the journal (ext2fs_default_journal_size in lib/ext2fs/mkjournal.c of e2fsprogs). */
function journalBlocks(blocks: number): number {
  const steps = [
    [32_768, 1024],
    [262_144, 4096],
    [524_288, 8192],
    [4_194_304, 16_384],
    [8_388_608, 32_768],
    [16_777_216, 65_536],
    [33_554_432, 131_072],
  ] as const;
  return steps.find(([below]) => blocks < below)?.[1] ?? 262_144;
}

/** Bytes that are encrypted, holes and all: they take as much room as they say. */
export function encryptedBytes(plans: readonly DiskPlan[]): number {
  return leavesOf(plans)
    .filter(({ carriers }) => carriers.some(({ type }) => type === 'luks'))
    .reduce((sum, { data }) => sum + data.bytes, 0);
}
