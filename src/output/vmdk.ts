import { contentGuid } from './guid.js';

/*
 * streamOptimized VMDK ("Virtual Disk Format 5.0"): header, descriptor, compressed grains each behind a marker, a grain table
 * behind the grains of every 32 MiB that has some, the grain directory, a copy of the header as footer, end of stream.
 *
 * qemu-img leaves out the markers of the tables, the footer and the end of stream, which its header promises; strict readers
 * (ovftool, vSphere's content library, 7-Zip) refuse such files. Numbers are little-endian, places are in sectors.
 */

export const SECTOR = 512;

/** 64 KiB: the only size that every importer is known to take. */
export const GRAIN = 128 * SECTOR;
export const GRAINS_PER_TABLE = 512;

/** Header, descriptor and some room, up to where the first grain starts; as VMware's tools lay it out. */
export const VMDK_OVERHEAD = 128 * SECTOR;

const DESCRIPTOR_SECTORS = 20;

/** Line endings are intact, grains are compressed, there are markers. */
const FLAGS = 0x3_0001;
const DIRECTORY_AT_END = 0xffff_ffff_ffff_ffffn;

/** Kinds of markers, by their number. */
export const MARKER = { endOfStream: 0, grainTable: 1, grainDirectory: 2, footer: 3 } as const;

/**
 * The header, which is also the footer.
 *
 * @param diskBytes size of the disk, a multiple of the grain.
 * @param directory sector of the grain directory; undefined where only the footer knows.
 */
export function vmdkHeader(diskBytes: number, directory?: number): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  bytes.write('KDMV', 0, 'latin1');
  bytes.writeUInt32LE(1, 4);
  bytes.writeUInt32LE(FLAGS, 8);
  bytes.writeBigUInt64LE(BigInt(diskBytes / SECTOR), 12);
  bytes.writeBigUInt64LE(BigInt(GRAIN / SECTOR), 20);
  bytes.writeBigUInt64LE(1n, 28);
  bytes.writeBigUInt64LE(BigInt(DESCRIPTOR_SECTORS), 36);
  bytes.writeUInt32LE(GRAINS_PER_TABLE, 44);
  // No second directory (48); the first one (56).
  bytes.writeBigUInt64LE(directory === undefined ? DIRECTORY_AT_END : BigInt(directory), 56);
  bytes.writeBigUInt64LE(BigInt(VMDK_OVERHEAD / SECTOR), 64);
  // Transfers that "repair" line endings damage these four.
  bytes.write('\n \r\n', 73, 'latin1');
  bytes.writeUInt16LE(1, 77);
  return bytes;
}

/**
 * The descriptor, padded.
 *
 * @param diskBytes size of the disk, a multiple of the grain.
 * @param content digest of the disk, which the content id follows from.
 */
export function vmdkDescriptor(diskBytes: number, content: string): Buffer {
  const long = contentGuid(content, 'vmdk').replaceAll('-', '');
  const { cylinders, heads, sectors } = geometry(diskBytes);
  const text = `# Disk DescriptorFile
version=1
CID=${contentId(long)}
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RW ${String(diskBytes / SECTOR)} SPARSE "disk.vmdk"

# The Disk Data Base
#DDB

ddb.adapterType = "lsilogic"
ddb.geometry.cylinders = "${String(cylinders)}"
ddb.geometry.heads = "${String(heads)}"
ddb.geometry.sectors = "${String(sectors)}"
ddb.longContentID = "${long}"
ddb.toolsVersion = "2147483647"
ddb.virtualHWVersion = "13"
`;
  const bytes = Buffer.alloc(DESCRIPTOR_SECTORS * SECTOR);
  bytes.write(text, 'latin1');
  return bytes;
}

/** All ones mean that there is no parent, and one less that a disk is being written. */
function contentId(long: string): string {
  const id = long.slice(-8);
  return id.startsWith('fffffff') ? `0${id.slice(1)}` : id;
}

/** As VMware makes it up for disks behind a SCSI adapter, with no more cylinders than its own writer (open-vmdk) counts. */
function geometry(diskBytes: number): { cylinders: number; heads: number; sectors: number } {
  const [heads, sectors] = diskBytes < 2 ** 30 ? [64, 32] : diskBytes < 2 ** 31 ? [128, 32] : [255, 63];
  return { cylinders: Math.min(65_535, Math.floor(diskBytes / SECTOR / heads / sectors)), heads, sectors };
}

/** A compressed grain behind its marker, padded to whole sectors. */
export function vmdkGrain(index: number, compressed: Buffer): Buffer {
  const bytes = Buffer.alloc(sectorsOf(12 + compressed.length) * SECTOR);
  bytes.writeBigUInt64LE(BigInt(index * (GRAIN / SECTOR)), 0);
  bytes.writeUInt32LE(compressed.length, 8);
  compressed.copy(bytes, 12);
  return bytes;
}

/** A marker and what it announces. */
export function vmdkMarked(kind: keyof typeof MARKER, content: Buffer): Buffer {
  const sectors = sectorsOf(content.length);
  const bytes = Buffer.alloc((1 + sectors) * SECTOR);
  bytes.writeBigUInt64LE(BigInt(sectors), 0);
  bytes.writeUInt32LE(MARKER[kind], 12);
  content.copy(bytes, SECTOR);
  return bytes;
}

/** A grain table or directory. */
export function vmdkTable(places: Uint32Array): Buffer {
  const bytes = Buffer.alloc(places.length * 4);
  places.forEach((place, index) => bytes.writeUInt32LE(place, index * 4));
  return bytes;
}

function sectorsOf(bytes: number): number {
  return Math.ceil(bytes / SECTOR);
}
