import { crc32c } from './crc32c.js';
import { contentGuid, guidBytes } from './guid.js';

/*
 * Dynamic VHDX (MS-VHDX): identifier, two headers, two region tables in the first MiB; then log, metadata, block allocation
 * table; then blocks of the disk, each at a multiple of 1 MiB. Numbers are little-endian.
 */

const MIB = 2 ** 20;
const KIB64 = 0x1_0000;

/** Microsoft's advice for Linux guests, whose file systems would otherwise spread over many large blocks. */
export const VHDX_BLOCK = MIB;

/** Payload blocks that share a sector bitmap block, which a disk without a parent has an unused table entry for. */
const CHUNK_RATIO = (2 ** 23 * 512) / VHDX_BLOCK;

const LOG_OFFSET = MIB;
const METADATA_OFFSET = 2 * MIB;
const BAT_OFFSET = 3 * MIB;

const STATE_ZERO = 2n;
const STATE_FULLY_PRESENT = 6n;

const REGION = {
  bat: '2dc27766-f623-4200-9d64-115e9bfd4a08',
  metadata: '8b7ca206-4790-4b9a-b8fe-575f050f886e',
} as const;

const ITEM = {
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  virtualDiskSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  page83: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSector: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSector: 'cda348c7-445d-4471-9cc9-e9885251c556',
} as const;

/** Where the first block of the disk lies in the file. */
export function vhdxPayloadOffset(diskBytes: number): number {
  return BAT_OFFSET + batBytes(diskBytes);
}

/**
 * Everything before the first block.
 *
 * @param diskBytes size of the disk, a multiple of the block.
 * @param blocks where in the file each block lies; 0 for one that is all zeros and not in the file.
 * @param content digest of the disk, which the GUIDs follow from.
 */
export function vhdxFront(diskBytes: number, blocks: readonly number[], content: string): Buffer {
  const front = Buffer.alloc(vhdxPayloadOffset(diskBytes));
  front.write('vhdxfile', 0, 'latin1');
  front.write('imgbuild', 8, 'utf16le');
  // Of two headers the one with the greater number counts.
  header(1, content).copy(front, KIB64);
  header(2, content).copy(front, 2 * KIB64);
  const regions = regionTable(batBytes(diskBytes));
  regions.copy(front, 3 * KIB64);
  regions.copy(front, 4 * KIB64);
  metadata(diskBytes, content).copy(front, METADATA_OFFSET);
  blocks.forEach((offset, index) => {
    const entry = offset === 0 ? STATE_ZERO : (BigInt(offset / MIB) << 20n) | STATE_FULLY_PRESENT;
    front.writeBigUInt64LE(entry, BAT_OFFSET + 8 * (index + Math.floor(index / CHUNK_RATIO)));
  });
  return front;
}

function batBytes(diskBytes: number): number {
  const blocks = Math.ceil(diskBytes / VHDX_BLOCK);
  const entries = blocks + Math.floor((blocks - 1) / CHUNK_RATIO);
  return Math.ceil((entries * 8) / MIB) * MIB;
}

function header(sequence: number, content: string): Buffer {
  const bytes = Buffer.alloc(4096);
  bytes.write('head', 0, 'latin1');
  bytes.writeBigUInt64LE(BigInt(sequence), 8);
  guidBytes(contentGuid(content, 'vhdx file')).copy(bytes, 16);
  guidBytes(contentGuid(content, 'vhdx data')).copy(bytes, 32);
  // The log's GUID stays zero: nothing in the log is to be replayed.
  bytes.writeUInt16LE(1, 66);
  bytes.writeUInt32LE(MIB, 68);
  bytes.writeBigUInt64LE(BigInt(LOG_OFFSET), 72);
  bytes.writeUInt32LE(crc32c(bytes), 4);
  return bytes;
}

function regionTable(bat: number): Buffer {
  const bytes = Buffer.alloc(KIB64);
  bytes.write('regi', 0, 'latin1');
  const regions = [
    [REGION.bat, BAT_OFFSET, bat],
    [REGION.metadata, METADATA_OFFSET, MIB],
  ] as const;
  bytes.writeUInt32LE(regions.length, 8);
  regions.forEach(([guid, offset, length], index) => {
    const at = 16 + 32 * index;
    guidBytes(guid).copy(bytes, at);
    bytes.writeBigUInt64LE(BigInt(offset), at + 16);
    bytes.writeUInt32LE(length, at + 24);
    bytes.writeUInt32LE(1, at + 28);
  });
  bytes.writeUInt32LE(crc32c(bytes), 4);
  return bytes;
}

const REQUIRED = 4;
const OF_DISK = 2;

function metadata(diskBytes: number, content: string): Buffer {
  const items = [
    // The flags beside the block size: blocks may be given back, no parent.
    { guid: ITEM.fileParameters, flags: REQUIRED, value: Buffer.concat([u32(VHDX_BLOCK), u32(0)]) },
    { guid: ITEM.virtualDiskSize, flags: REQUIRED | OF_DISK, value: u64(diskBytes) },
    { guid: ITEM.page83, flags: REQUIRED | OF_DISK, value: guidBytes(contentGuid(content, 'vhdx disk')) },
    { guid: ITEM.logicalSector, flags: REQUIRED | OF_DISK, value: u32(512) },
    // As Hyper-V's own new disks have it.
    { guid: ITEM.physicalSector, flags: REQUIRED | OF_DISK, value: u32(4096) },
  ];
  const bytes = Buffer.alloc(MIB);
  bytes.write('metadata', 0, 'latin1');
  bytes.writeUInt16LE(items.length, 10);
  let offset = KIB64;
  items.forEach(({ guid, flags, value }, index) => {
    const at = 32 + 32 * index;
    guidBytes(guid).copy(bytes, at);
    bytes.writeUInt32LE(offset, at + 16);
    bytes.writeUInt32LE(value.length, at + 20);
    bytes.writeUInt32LE(flags, at + 24);
    value.copy(bytes, offset);
    offset += value.length;
  });
  return bytes;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
