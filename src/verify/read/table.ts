import type { DiskFacts, PartitionFacts } from '../facts.js';
import { readText, readU64, readUuid, type Bytes } from './bytes.js';
import { crc32 } from './checksum.js';

type Table = Pick<DiskFacts, 'table' | 'sectorBytes' | 'defects' | 'partitions' | 'bootCode'>;

/** Partition types by GUID and by MBR byte. */
const TYPES: Readonly<Record<string, PartitionFacts['type']>> = {
  'c12a7328-f81f-11d2-ba4b-00a0c93ec93b': 'esp',
  '21686148-6449-6e6f-744e-656564454649': 'bios-boot',
  '0fc63daf-8483-4772-8e79-3d69d8477de4': 'linux',
  '4f68bce3-e8cd-4db1-96e7-fbcaf984b709': 'linux',
  'bc13c2ff-59e6-4262-a352-b275fd6f7172': 'linux',
  '0657fd6d-a4ab-43c4-84e5-0933c84b4f4f': 'swap',
  'e6d6d379-f507-44c2-a23c-238f2a3df928': 'lvm',
  'a19d880f-05fc-4d3b-a006-743f0f84911e': 'raid',
  ef: 'esp',
  '83': 'linux',
  '82': 'swap',
  '8e': 'lvm',
  fd: 'raid',
};

const NO_GUID = '00000000-0000-0000-0000-000000000000';

/** The partition table of a disk: GPT with sectors of 512 or 4096 bytes, MBR, or none. */
export async function readTable(bytes: Bytes): Promise<Table> {
  const first = await bytes.read(0, 512);
  const bootCode = first.subarray(0, 440).some((byte) => byte !== 0);
  const signed = first.readUInt16BE(510) === 0x55aa;
  for (const sectorBytes of [512, 4096]) {
    const header = await bytes.read(sectorBytes, sectorBytes);
    if (readText(header, 0, 8) === 'EFI PART')
      return { ...(await readGpt(bytes, header, sectorBytes, signed)), bootCode };
  }
  const none = { sectorBytes: 512, bootCode, defects: [], partitions: [] };
  if (!signed) return { ...none, table: 'none' };
  const partitions = mbrPartitions(first);
  // A protective entry without the table that it protects.
  if ([0, 1, 2, 3].some((n) => first[446 + n * 16 + 4] === 0xee)) {
    return { ...none, table: 'gpt', defects: ['the GPT header is missing'] };
  }
  return { ...none, table: 'mbr', partitions };
}

function mbrPartitions(sector: Buffer): PartitionFacts[] {
  const disk = sector.readUInt32LE(440).toString(16).padStart(8, '0');
  return [0, 1, 2, 3].flatMap((n) => {
    const at = 446 + n * 16;
    const type = sector[at + 4] ?? 0;
    if (type === 0) return [];
    const number = n + 1;
    return [
      {
        number,
        name: '',
        type: TYPES[type.toString(16)] ?? 'other',
        id: `${disk}-${String(number).padStart(2, '0')}`,
        start: sector.readUInt32LE(at + 8) * 512,
        bytes: sector.readUInt32LE(at + 12) * 512,
      },
    ];
  });
}

async function readGpt(
  bytes: Bytes,
  header: Buffer,
  sector: number,
  signed: boolean,
): Promise<Omit<Table, 'bootCode'>> {
  const defects: string[] = [];
  if (!signed) defects.push('the protective MBR has no signature');
  if (!soundHeader(header)) defects.push('the checksum of the header is wrong');
  const entries = await entriesOf(bytes, header, sector);
  if (crc32(entries) !== header.readUInt32LE(88)) defects.push('the checksum of the partitions is wrong');
  defects.push(...(await copyDefects(bytes, header, sector)));
  const width = header.readUInt32LE(84);
  if (width < 128) defects.push(`its entries are of ${String(width)} bytes`);
  const partitions = Array.from({ length: width < 128 ? 0 : Math.floor(entries.length / width) }, (_, n) => {
    return { number: n + 1, entry: entries.subarray(n * width, (n + 1) * width) };
  })
    .filter(({ entry }) => readUuid(entry, 0, 'mixed') !== NO_GUID)
    .map(({ number, entry }): PartitionFacts => {
      const start = readU64(entry, 32);
      return {
        number,
        name: entry.toString('utf16le', 56, 128).replace(/\0.*$/s, ''),
        type: TYPES[readUuid(entry, 0, 'mixed')] ?? 'other',
        id: readUuid(entry, 16, 'mixed'),
        start: start * sector,
        bytes: (readU64(entry, 40) - start + 1) * sector,
      };
    });
  return { table: 'gpt', sectorBytes: sector, defects, partitions };
}

/** The copy of the table, which is to lie in the last sector: a disk that was made larger has it in the middle. */
async function copyDefects(bytes: Bytes, header: Buffer, sector: number): Promise<string[]> {
  const copyAt = readU64(header, 32) * sector;
  const copy = await bytes.read(copyAt, sector);
  if (readText(copy, 0, 8) !== 'EFI PART') return ['there is no copy of the table where the header says'];
  const defects: string[] = [];
  if (!soundHeader(copy)) defects.push('the checksum of the copy is wrong');
  if (copyAt !== Math.floor(bytes.size / sector - 1) * sector)
    defects.push('the copy of the table is not at the end of the disk');
  const entries = await entriesOf(bytes, copy, sector);
  if (crc32(entries) !== copy.readUInt32LE(88)) defects.push('the checksum of the copied partitions is wrong');
  if (copy.readUInt32LE(88) !== header.readUInt32LE(88)) defects.push('the copy has other partitions');
  return defects;
}

function soundHeader(header: Buffer): boolean {
  const length = header.readUInt32LE(12);
  if (length < 92 || length > header.length) return false;
  const copy = Buffer.from(header.subarray(0, length));
  copy.writeUInt32LE(0, 16);
  return crc32(copy) === header.readUInt32LE(16);
}

async function entriesOf(bytes: Bytes, header: Buffer, sector: number): Promise<Buffer> {
  const length = header.readUInt32LE(80) * header.readUInt32LE(84);
  // 128 entries of 128 bytes everywhere; a table that claims a thousand times as much is damaged.
  return await bytes.read(readU64(header, 72) * sector, Math.min(length, 1 << 24));
}
