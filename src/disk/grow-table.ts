import { crc32 } from 'node:zlib';
import { UserError } from '../errors.js';
import type { DiskWrite } from './headers.js';

const SECTOR = 512;

/** Where the fields are: UEFI specification, "GPT Header" and "GPT Partition Entry"; the MBR's first entry at 446. */
const HEADER = SECTOR;
const MBR_ENTRY = 446;
const PROTECTIVE = 0xee;

/** A partition that was made longer, in bytes from the start of the disk. */
export interface GrownPartition {
  readonly number: number;
  readonly start: number;
  readonly bytes: number;
  /** What it had before. */
  readonly before: number;
}

/** How a disk's table is brought to the size of its disk. */
export interface FittedTable {
  /** The beginning of the disk as it has to be. */
  readonly head: Buffer;
  /** What else has to be written: the backup at the end, zeros where it was. */
  readonly writes: readonly DiskWrite[];
  readonly grown?: GrownPartition;
}

/**
 * Brings the partition table of an image to a disk of another size: the backup of a GPT moves to the end, where firmware
 * looks for it, and with `grow` the last partition takes what follows it.
 *
 * @param head the first MiB of the image, which is not changed.
 * @param bytes size of the disk that it goes to.
 * @throws UserError when the table is damaged, or of a kind that cannot be moved.
 */
export function fitTable(head: Buffer, imageBytes: number, bytes: number, grow: boolean): FittedTable {
  const gpt = head.toString('latin1', HEADER, HEADER + 8) === 'EFI PART';
  if (gpt) return fitGpt(Buffer.from(head), imageBytes, bytes, grow);
  if (head.readUInt16LE(510) !== 0xaa55) {
    if (grow) throw new UserError('the image has no partition table, so there is no last partition to grow');
    return { head, writes: [] };
  }
  return grow ? growMbr(Buffer.from(head), bytes) : { head, writes: [] };
}

interface Gpt {
  readonly entries: Buffer;
  readonly entryBytes: number;
  readonly count: number;
  /** Where the entries begin, in sectors. */
  readonly table: number;
}

function readGpt(head: Buffer): Gpt {
  const size = head.readUInt32LE(HEADER + 12);
  // Whatever it says, the fields that are read lie in a sector.
  const sector = Buffer.from(head.subarray(HEADER, HEADER + SECTOR));
  sector.fill(0, 16, 20);
  const header = sector.subarray(0, Math.min(size, SECTOR));
  const table = Number(head.readBigUInt64LE(HEADER + 72));
  const count = head.readUInt32LE(HEADER + 80);
  const entryBytes = head.readUInt32LE(HEADER + 84);
  const end = table * SECTOR + count * entryBytes;
  const fits = size >= 92 && size <= SECTOR && entryBytes >= 128 && table >= 2 && end <= head.length;
  const entries = fits ? head.subarray(table * SECTOR, end) : Buffer.alloc(0);
  const sound = crc32(header) === head.readUInt32LE(HEADER + 16) && crc32(entries) === head.readUInt32LE(HEADER + 88);
  if (!fits || !sound) {
    throw new UserError('the partition table of the image is damaged: the checksums of its GPT are wrong', {
      hint: 'copy the image again',
    });
  }
  return { entries, entryBytes, count, table };
}

function fitGpt(head: Buffer, imageBytes: number, bytes: number, grow: boolean): FittedTable {
  const gpt = readGpt(head);
  const last = Math.floor(bytes / SECTOR) - 1;
  const tableSectors = Math.ceil(gpt.entries.length / SECTOR);
  // In front of the backup of the entries, which lies in front of that of the header.
  const usable = last - tableSectors - 1;
  const grown = grow ? growGptEntry(gpt, usable) : undefined;
  const same = imageBytes === bytes && grown === undefined;
  if (same) return { head, writes: [] };
  head.writeBigUInt64LE(BigInt(last), HEADER + 32);
  head.writeBigUInt64LE(BigInt(usable), HEADER + 48);
  const backup = Buffer.from(head.subarray(HEADER, HEADER + SECTOR));
  backup.writeBigUInt64LE(BigInt(last), 24);
  backup.writeBigUInt64LE(1n, 32);
  backup.writeBigUInt64LE(BigInt(last - tableSectors), 72);
  sign(head.subarray(HEADER, HEADER + SECTOR), gpt.entries);
  sign(backup, gpt.entries);
  if (head.readUInt8(MBR_ENTRY + 4) === PROTECTIVE) {
    head.writeUInt32LE(Math.min(last, 0xffffffff), MBR_ENTRY + 12);
  }
  const oldBackup = Math.floor(imageBytes / SECTOR) - 1 - tableSectors;
  const moved = oldBackup + tableSectors < last - tableSectors;
  return {
    head,
    writes: [
      // Tools that search for a lost table would find the old one.
      ...(moved ? [{ offset: oldBackup * SECTOR, bytes: Buffer.alloc((tableSectors + 1) * SECTOR) }] : []),
      { offset: (last - tableSectors) * SECTOR, bytes: padded(gpt.entries, tableSectors * SECTOR) },
      { offset: last * SECTOR, bytes: backup },
    ],
    ...(grown === undefined ? {} : { grown }),
  };
}

function padded(bytes: Buffer, length: number): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(length - bytes.length)]);
}

function sign(header: Buffer, entries: Buffer): void {
  const size = header.readUInt32LE(12);
  header.writeUInt32LE(crc32(entries), 88);
  header.fill(0, 16, 20);
  header.writeUInt32LE(crc32(header.subarray(0, size)), 16);
}

/** Lengthens the entry of the partition that lies last, to whole MiB; undefined when there is nothing to gain. */
function growGptEntry({ entries, entryBytes, count }: Gpt, usable: number): GrownPartition | undefined {
  const used = Array.from({ length: count }, (_, n) => entries.subarray(n * entryBytes, (n + 1) * entryBytes))
    .map((entry, n) => ({
      entry,
      number: n + 1,
      first: Number(entry.readBigUInt64LE(32)),
      last: Number(entry.readBigUInt64LE(40)),
    }))
    .filter(({ entry }) => entry.subarray(0, 16).some((byte) => byte !== 0));
  const tail = used.sort((a, b) => b.last - a.last)[0];
  if (tail === undefined) return undefined;
  const end = Math.floor((usable + 1) / ALIGN) * ALIGN;
  if (end <= tail.last + 1) return undefined;
  tail.entry.writeBigUInt64LE(BigInt(end - 1), 40);
  return grownBy(tail.number, tail.first, tail.last + 1, end);
}

/** Sectors in a MiB, at multiples of which partitions end. */
const ALIGN = 2 ** 20 / SECTOR;

function grownBy(number: number, first: number, before: number, end: number): GrownPartition {
  return { number, start: first * SECTOR, bytes: (end - first) * SECTOR, before: (before - first) * SECTOR };
}

/** Types of MBR partitions that hold others, and cannot be lengthened by themselves. */
const EXTENDED = [0x05, 0x0f, 0x85];

function growMbr(head: Buffer, bytes: number): FittedTable {
  const used = [0, 1, 2, 3]
    .map((n) => ({ n, at: MBR_ENTRY + 16 * n }))
    .map(({ n, at }) => ({
      number: n + 1,
      at,
      type: head.readUInt8(at + 4),
      first: head.readUInt32LE(at + 8),
      sectors: head.readUInt32LE(at + 12),
    }))
    .filter(({ type, sectors }) => type !== 0 && sectors > 0);
  const tail = used.sort((a, b) => b.first - a.first)[0];
  if (tail === undefined) return { head, writes: [] };
  if (EXTENDED.includes(tail.type)) {
    throw new UserError('the last partition of the image is an extended one, which is not grown', {
      hint: 'leave --grow out, and grow it on the machine',
    });
  }
  // The fields have 32 bits: an MBR reaches no further.
  const end = Math.floor(Math.min(bytes / SECTOR, 2 ** 32 - 1) / ALIGN) * ALIGN;
  if (end <= tail.first + tail.sectors) return { head, writes: [] };
  head.writeUInt32LE(end - tail.first, tail.at + 12);
  const grown = grownBy(tail.number, tail.first, tail.first + tail.sectors, end);
  return { head, writes: [], grown };
}
