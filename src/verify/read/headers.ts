import type { Qcow2Facts, VhdFacts, VhdxFacts } from '../facts.js';
import { readText, readU64, readUuid, type Bytes } from './bytes.js';
import { crc32c } from './checksum.js';

const KIB = 1024;
const MIB = KIB * KIB;

/** Of a backing file, in a qcow2 header. */
const LONGEST_NAME = 1023;

/** The header of a qcow2 file (QEMU, docs/interop/qcow2.rst); undefined when it is none. */
export async function readQcow2(bytes: Bytes): Promise<Qcow2Facts | undefined> {
  const head = await bytes.read(0, 112);
  if (head.readUInt32BE(0) !== 0x514649fb) return undefined;
  const version = head.readUInt32BE(4);
  const backingAt = Number(head.readBigUInt64BE(8));
  const incompatible = version < 3 ? 0 : Number(head.readBigUInt64BE(72));
  return {
    version,
    bytes: Number(head.readBigUInt64BE(24)),
    backingFile:
      backingAt === 0
        ? ''
        : (await bytes.read(backingAt, Math.min(head.readUInt32BE(16), LONGEST_NAME))).toString('utf8'),
    encrypted: head.readUInt32BE(32) !== 0,
    snapshots: head.readUInt32BE(60),
    // Bits of the incompatible features: dirty, corrupt, external data file.
    dirty: (incompatible & 0b11) !== 0,
    externalData: (incompatible & 0b100) !== 0,
  };
}

/** GUIDs of [MS-VHDX] as they are printed. */
const VHDX = {
  metadata: '8b7ca206-4790-4b9a-b8fe-575f050f886e',
  table: '2dc27766-f623-4200-9d64-115e9bfd4a08',
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  diskSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  logicalSector: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSector: 'cda348c7-445d-4471-9cc9-e9885251c556',
} as const;

const NO_GUID = '00000000-0000-0000-0000-000000000000';

/** The headers and metadata of a VHDX file ([MS-VHDX] 2.2 to 2.6); undefined when it is none. */
export async function readVhdx(bytes: Bytes): Promise<VhdxFacts | undefined> {
  if (readText(await bytes.read(0, 8), 0, 8) !== 'vhdxfile') return undefined;
  const defects: string[] = [];
  const headers = await Promise.all([64, 128].map((at) => bytes.read(at * KIB, 4 * KIB)));
  const valid = headers.filter((header) => readText(header, 0, 4) === 'head' && checked(header, 4));
  if (valid.length < 2) defects.push(`${String(2 - valid.length)} of the two headers are damaged`);
  const current = valid.sort((a, b) => readU64(b, 8) - readU64(a, 8))[0];

  const tables = await Promise.all([192, 256].map((at) => bytes.read(at * KIB, 64 * KIB)));
  const sound = tables.filter((table) => readText(table, 0, 4) === 'regi' && checked(table, 4));
  if (sound.length < 2) defects.push(`${String(2 - sound.length)} of the two region tables are damaged`);
  const regions = sound[0] === undefined ? new Map<string, number>() : regionsOf(sound[0]);
  if (!regions.has(VHDX.table)) defects.push('there is no block allocation table');
  const at = regions.get(VHDX.metadata);
  const region = at === undefined ? Buffer.alloc(0) : await bytes.read(at, MIB);
  const items = readText(region, 0, 8) === 'metadata' ? metadataOf(region) : new Map<string, number>();
  const number = (guid: string, width: 4 | 8): number => {
    const offset = items.get(guid);
    if (offset === undefined || offset + width > region.length) {
      defects.push(`there is no metadata item ${guid}`);
      return 0;
    }
    return width === 4 ? region.readUInt32LE(offset) : readU64(region, offset);
  };
  const parameters = items.get(VHDX.fileParameters);
  return {
    blockBytes: number(VHDX.fileParameters, 4),
    logicalSector: number(VHDX.logicalSector, 4),
    physicalSector: number(VHDX.physicalSector, 4),
    bytes: number(VHDX.diskSize, 8),
    hasParent: parameters !== undefined && ((region[parameters + 4] ?? 0) & 2) !== 0,
    dirtyLog: current !== undefined && readUuid(current, 48, 'mixed') !== NO_GUID,
    defects,
  };
}

/** The checksum of a structure is taken with its own field as zeros. */
function checked(structure: Buffer, at: number): boolean {
  const copy = Buffer.from(structure);
  copy.writeUInt32LE(0, at);
  return crc32c(copy) === structure.readUInt32LE(at);
}

function regionsOf(table: Buffer): Map<string, number> {
  const count = Math.min(table.readUInt32LE(8), 2047);
  return new Map(
    Array.from({ length: count }, (_, n) => {
      const entry = 16 + n * 32;
      return [readUuid(table, entry, 'mixed'), readU64(table, entry + 16)] as const;
    }),
  );
}

function metadataOf(region: Buffer): Map<string, number> {
  const count = Math.min(region.readUInt16LE(10), 2047);
  return new Map(
    Array.from({ length: count }, (_, n) => {
      const entry = 32 + n * 32;
      return [readUuid(region, entry, 'mixed'), region.readUInt32LE(entry + 16)] as const;
    }),
  );
}

const VHD_TYPES: Readonly<Record<number, VhdFacts['type']>> = { 2: 'fixed', 3: 'dynamic', 4: 'differencing' };

/** The footer of a VHD file (Virtual Hard Disk Image Format Specification 1.0); undefined when it is none. */
export async function readVhd(bytes: Bytes): Promise<VhdFacts | undefined> {
  const footer = await bytes.read(bytes.size - 512, 512);
  if (readText(footer, 0, 8) !== 'conectix') return undefined;
  const defects: string[] = [];
  const size = Number(footer.readBigUInt64BE(48));
  const type = VHD_TYPES[footer.readUInt32BE(60)] ?? 'unknown';
  const sum = footer.reduce((total, byte, n) => total + (n >= 64 && n < 68 ? 0 : byte), 0);
  if (((~sum >>> 0) & 0xffffffff) >>> 0 !== footer.readUInt32BE(64)) defects.push('its checksum is wrong');
  if (type === 'fixed' && size !== bytes.size - 512) {
    defects.push(`it says ${String(size)} bytes, before it are ${String(bytes.size - 512)}`);
  }
  return { type, bytes: size, defects };
}
