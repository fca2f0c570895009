/** A partition as the table says. */
export interface Partition {
  readonly number: number;
  /** Type GUID in lower case; two hexadecimal digits in an MBR. */
  readonly type: string;
  readonly start: number;
  readonly bytes: number;
}

/** What `readTable` needs to see of a disk: the MBR, the header of a GPT and its usual 128 entries. */
export const TABLE_BYTES = 64 * 1024;

const SECTOR = 512;
const ESP = 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b';
const BIOS_BOOT = '21686148-6449-6e6f-744e-656564454649';

export interface Table {
  readonly partitions: readonly Partition[];
  readonly bootCode: boolean;
  /** How long the disk is at least: up to the end of its partitions, and of the copy of a GPT. */
  readonly bytes: number;
}

/** Reads the partition table at the beginning of a disk. */
export function readTable(disk: Buffer): Table {
  const bootCode = disk.subarray(0, 440).some((byte) => byte !== 0);
  const gpt = disk.toString('latin1', SECTOR, SECTOR + 8) === 'EFI PART';
  const partitions = gpt ? gptEntries(disk) : mbrEntries(disk);
  const copy = gpt ? (Number(disk.readBigUInt64LE(SECTOR + 32)) + 1) * SECTOR : 0;
  return { bootCode, partitions, bytes: Math.max(copy, ...partitions.map(({ start, bytes }) => start + bytes)) };
}

function gptEntries(disk: Buffer): Partition[] {
  const start = Number(disk.readBigUInt64LE(SECTOR + 72)) * SECTOR;
  const size = disk.readUInt32LE(SECTOR + 84);
  const count = disk.readUInt32LE(SECTOR + 80);
  const partitions: Partition[] = [];
  for (let n = 0; n < count && start + (n + 1) * size <= disk.length; n += 1) {
    const entry = disk.subarray(start + n * size);
    const type = guid(entry);
    if (/^[0-]*$/.test(type)) continue;
    const [first, last] = [Number(entry.readBigUInt64LE(32)), Number(entry.readBigUInt64LE(40))];
    partitions.push({ number: n + 1, type, start: first * SECTOR, bytes: (last - first + 1) * SECTOR });
  }
  return partitions;
}

function mbrEntries(disk: Buffer): Partition[] {
  const entries = [0, 1, 2, 3].map((n) => ({ n, at: 446 + n * 16 }));
  // The first sector of a file system without a table, such as a disk of cloud-init's data, may have code there.
  if (entries.some(({ at }) => ![0, 0x80].includes(disk.readUInt8(at)))) return [];
  return entries.flatMap(({ n, at }) => {
    const type = disk.toString('hex', at + 4, at + 5);
    const start = disk.readUInt32LE(at + 8) * SECTOR;
    const bytes = disk.readUInt32LE(at + 12) * SECTOR;
    return type === '00' || bytes === 0 ? [] : [{ number: n + 1, type, start, bytes }];
  });
}

/** The first three fields of a GUID are stored with their bytes swapped. */
function guid(bytes: Buffer): string {
  const field = (from: number, to: number, swapped: boolean): string => {
    const part = Buffer.from(bytes.subarray(from, to));
    return (swapped ? part.reverse() : part).toString('hex');
  };
  return [field(0, 4, true), field(4, 6, true), field(6, 8, true), field(8, 10, false), field(10, 16, false)].join('-');
}

/** The EFI system partition, if there is one. */
export function espOf(table: Table): Partition | undefined {
  return table.partitions.find(({ type }) => type === ESP || type === 'ef');
}

/** The firmware that can start this disk; UEFI where both can; undefined where neither can. */
export function firmwareOf(table: Table): 'uefi' | 'bios' | undefined {
  if (espOf(table) !== undefined) return 'uefi';
  return table.bootCode || table.partitions.some(({ type }) => type === BIOS_BOOT) ? 'bios' : undefined;
}
