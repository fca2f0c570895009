import { crc32 } from 'node:zlib';
import type { PartitionType } from '../config/layout.js';
import type { DiskWrite } from './headers.js';
import type { DiskPlan, PartitionPlan } from './types.js';
import { filesystemsOf, isBelow } from './walk.js';

const SECTOR = 512;

/** Types of GPT partitions (UEFI specification; the Discoverable Partitions Specification of the UAPI group). */
const GPT_TYPES: Readonly<Record<Exclude<PartitionType, 'root'>, string>> = {
  linux: '0fc63daf-8483-4772-8e79-3d69d8477de4',
  esp: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b',
  'bios-boot': '21686148-6449-6e6f-744e-656564454649',
  xbootldr: 'bc13c2ff-59e6-4262-a352-b275fd6f7172',
  swap: '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f',
  raid: 'a19d880f-05fc-4d3b-a006-743f0f84911e',
  lvm: 'e6d6d379-f507-44c2-a23c-238f2a3df928',
  luks: 'ca7d7ccb-63ed-4c53-861c-1742536059cc',
};

/** A root file system says for which machine it is, by Debian's name of it. */
const GPT_ROOT_TYPES: Readonly<Record<string, string>> = {
  amd64: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709',
  arm64: 'b921b045-1df0-41c3-af44-4c6f280d3fae',
  armhf: '69dad710-2ce4-4e3c-b16c-21a1d49abed3',
  i386: '44479540-f297-41b2-9af7-d131d5f0458a',
  riscv64: '72ec70a6-cf74-40e6-bd49-4bda08e8f224',
};

/** Types of MBR partitions as fdisk of util-linux lists them. */
const MBR_TYPES: Readonly<Record<Exclude<PartitionType, 'bios-boot'>, number>> = {
  linux: 0x83,
  root: 0x83,
  esp: 0xef,
  xbootldr: 0xea,
  swap: 0x82,
  raid: 0xfd,
  lvm: 0x8e,
  luks: 0xe8,
};

/** Where the boot code of an MBR ends and the rest of the sector begins: the disk's id, four partitions, a signature. */
const MBR_TABLE = 440;
const MBR_ENTRIES = 446 - MBR_TABLE;

/** The partition table of a disk; boot code in its first sector stays as it is. */
export function partitionTable(disk: DiskPlan, architecture: string): DiskWrite[] {
  return disk.table === 'gpt' ? gptWrites(disk, architecture) : [mbrWrite(disk)];
}

function mbrWrite(disk: DiskPlan): DiskWrite {
  const bytes = emptyMbr();
  bytes.writeUInt32LE(Number.parseInt(disk.id, 16), 0);
  for (const [index, partition] of disk.partitions.entries()) {
    const { type, start } = partition;
    if (type === 'bios-boot') throw new Error('planning storage that was not checked: bios-boot on MBR');
    const entry = { active: holdsBoot(disk, partition), type: MBR_TYPES[type], first: start / SECTOR };
    writeMbrEntry(bytes, index, { ...entry, sectors: partition.bytes / SECTOR });
  }
  return { offset: MBR_TABLE, bytes };
}

function emptyMbr(): Buffer {
  const bytes = Buffer.alloc(SECTOR - MBR_TABLE);
  bytes.writeUInt16LE(0xaa55, bytes.length - 2);
  return bytes;
}

interface MbrEntry {
  readonly active: boolean;
  readonly type: number;
  readonly first: number;
  readonly sectors: number;
}

function writeMbrEntry(bytes: Buffer, index: number, { active, type, first, sectors }: MbrEntry): void {
  const at = MBR_ENTRIES + 16 * index;
  bytes.writeUInt8(active ? 0x80 : 0, at);
  // Cylinder, head and sector where they cannot say it: 1023, 254, 63.
  bytes.writeUIntLE(0xfffffe, at + 1, 3);
  bytes.writeUInt8(type, at + 4);
  bytes.writeUIntLE(0xfffffe, at + 5, 3);
  bytes.writeUInt32LE(first, at + 8);
  bytes.writeUInt32LE(sectors, at + 12);
}

/** Some firmware starts a disk only when a partition is marked; ours do not look which one it is. */
function holdsBoot(disk: DiskPlan, partition: PartitionPlan): boolean {
  const holder = filesystemsOf([disk]).findLast(({ data }) => isBelow('/boot', data.mountpoint));
  return holder?.partition === partition;
}

/** Sizes in the GPT: one sector for the header, 128 entries of 128 bytes. */
const ENTRIES = 128;
const ENTRY_BYTES = 128;
const ENTRY_SECTORS = (ENTRIES * ENTRY_BYTES) / SECTOR;
const HEADER_BYTES = 92;

function gptWrites(disk: DiskPlan, architecture: string): DiskWrite[] {
  const sectors = disk.bytes / SECTOR;
  const last = sectors - 1;
  const entries = gptEntries(disk, architecture);
  const header = (own: number, other: number, table: number): Buffer => gptHeader(disk, { own, other, table }, entries);
  const protective = emptyMbr();
  // Not marked active: the UEFI specification wants it so, and BIOS needs no mark.
  const whole = { active: false, type: 0xee, first: 1, sectors: Math.min(last, 0xffffffff) };
  writeMbrEntry(protective, 0, whole);
  // The one place where the specification gives real numbers: the first sector of the disk behind this one.
  protective.writeUIntLE(0x000200, MBR_ENTRIES + 1, 3);
  // And what it wants for an end that such numbers cannot say.
  protective.writeUIntLE(0xffffff, MBR_ENTRIES + 5, 3);
  return [
    { offset: MBR_TABLE, bytes: protective },
    { offset: SECTOR, bytes: header(1, last, 2) },
    { offset: 2 * SECTOR, bytes: entries },
    { offset: (last - ENTRY_SECTORS) * SECTOR, bytes: entries },
    { offset: last * SECTOR, bytes: header(last, 1, last - ENTRY_SECTORS) },
  ];
}

function gptEntries(disk: DiskPlan, architecture: string): Buffer {
  const entries = Buffer.alloc(ENTRIES * ENTRY_BYTES);
  for (const [index, { type, id, start, bytes, name }] of disk.partitions.entries()) {
    const entry = entries.subarray(index * ENTRY_BYTES, (index + 1) * ENTRY_BYTES);
    guid(type === 'root' ? (GPT_ROOT_TYPES[architecture] ?? GPT_TYPES.linux) : GPT_TYPES[type]).copy(entry, 0);
    guid(id).copy(entry, 16);
    entry.writeBigUInt64LE(BigInt(start / SECTOR), 32);
    entry.writeBigUInt64LE(BigInt((start + bytes) / SECTOR - 1), 40);
    entry.write(name, 56, 'utf16le');
  }
  return entries;
}

interface HeaderPlace {
  readonly own: number;
  readonly other: number;
  /** First sector of the entries that belong to this header. */
  readonly table: number;
}

function gptHeader(disk: DiskPlan, { own, other, table }: HeaderPlace, entries: Buffer): Buffer {
  const sector = Buffer.alloc(SECTOR);
  sector.write('EFI PART', 0, 'latin1');
  sector.writeUInt32LE(0x00010000, 8);
  sector.writeUInt32LE(HEADER_BYTES, 12);
  sector.writeBigUInt64LE(BigInt(own), 24);
  sector.writeBigUInt64LE(BigInt(other), 32);
  sector.writeBigUInt64LE(BigInt(2 + ENTRY_SECTORS), 40);
  sector.writeBigUInt64LE(BigInt(disk.bytes / SECTOR - ENTRY_SECTORS - 2), 48);
  guid(disk.id).copy(sector, 56);
  sector.writeBigUInt64LE(BigInt(table), 72);
  sector.writeUInt32LE(ENTRIES, 80);
  sector.writeUInt32LE(ENTRY_BYTES, 84);
  sector.writeUInt32LE(crc32(entries), 88);
  sector.writeUInt32LE(crc32(sector.subarray(0, HEADER_BYTES)), 16);
  return sector;
}

/** A GUID as UEFI stores it: the first three parts little-endian. */
function guid(text: string): Buffer {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex');
  bytes.subarray(0, 4).reverse();
  bytes.subarray(4, 6).reverse();
  bytes.subarray(6, 8).reverse();
  return bytes;
}
