import { grownVolume, isPhysicalVolume } from './grow-lvm2.js';
import type { DiskWrite } from './headers.js';
import { grownSuperblock, readSuperblock } from './md.js';

/** Reads bytes of a partition, fewer at its end. */
export type ReadPart = (offset: number, bytes: number) => Promise<Buffer>;

/** Holds a superblock with its table of roles; the labels of LVM and LUKS, and the superblocks of file systems. */
const LOOK = 128 * 1024;

/** What a longer partition means for what it holds. */
export interface GrownLayers {
  /** With offsets from the start of the partition. */
  readonly writes: readonly DiskWrite[];
  /** What grew with it, in words: `array`, `physical volume`. */
  readonly done: readonly string[];
  /** What is left for the machine to do, in words, '' for nothing. */
  readonly left: string;
}

/**
 * Grows what lies directly in a partition that was made longer: a RAID1 member, a physical volume of LVM in it or without
 * it. File systems and what is encrypted are for the machine itself.
 *
 * @param read of the partition.
 * @param bytes its size now.
 */
export async function growLayers(read: ReadPart, bytes: number): Promise<GrownLayers> {
  const member = readSuperblock(await read(0, LOOK));
  if (member === undefined) return await growData(read, bytes);
  const grown = grownSuperblock(member.superblock, bytes);
  if (grown === undefined) return { writes: [], done: [], left: 'mdadm --grow --size=max for the array' };
  const { dataOffset } = member;
  const inner = await growData((offset, count) => read(dataOffset + offset, count), bytes - dataOffset);
  return {
    writes: [grown, ...inner.writes.map((write) => ({ ...write, offset: write.offset + dataOffset }))],
    done: ['array', ...inner.done],
    left: inner.left,
  };
}

/** Metadata areas of LVM have 1 MiB less their offset; whoever asks for larger ones grows with LVM itself. */
const METADATA = 4 * 2 ** 20;

async function growData(read: ReadPart, bytes: number): Promise<GrownLayers> {
  const start = await read(0, LOOK);
  if (!isPhysicalVolume(start)) return { writes: [], done: [], left: leftFor(start) };
  const writes = grownVolume(await read(0, METADATA), bytes);
  return writes === undefined
    ? { writes: [], done: [], left: 'pvresize for its volume group' }
    : { writes, done: ['physical volume'], left: 'lvextend --resizefs for the volume that needs the room' };
}

/** Told by what blkid goes by: LUKS's magic, ext4's at 1 KiB + 0x38, btrfs's at 64 KiB + 0x40. */
function leftFor(start: Buffer): string {
  if (start.toString('latin1', 0, 6) === 'LUKS\xba\xbe')
    return 'pvresize or resize2fs for what is encrypted, once opened';
  if (start.toString('hex', 1024 + 0x38, 1024 + 0x3a) === '53ef') return 'resize2fs for its file system';
  const btrfs = 65_536 + 0x40;
  return start.toString('latin1', btrfs, btrfs + 8) === '_BHRfS_M'
    ? 'btrfs filesystem resize max for its file system'
    : '';
}
