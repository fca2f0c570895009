import type { VmdkFacts } from '../facts.js';
import { readText, readU64, type Bytes } from './bytes.js';

const SECTOR = 512;

/** Types of markers (VMware, Virtual Disk Format 5.0). */
const MARKER = { endOfStream: 0, grainTable: 1, grainDirectory: 2, footer: 3 } as const;

/** A grain directory's place that says: it is in the footer. */
const AT_END = 0xffffffffffffffffn;

/**
 * The header, descriptor and frame of a sparse VMDK; undefined when it is none. Monolithic flat and split disks consist of
 * several files and cannot be imported at all.
 */
export async function readVmdk(bytes: Bytes): Promise<VmdkFacts | undefined> {
  const head = await bytes.read(0, SECTOR);
  if (readText(head, 0, 4) !== 'KDMV') return undefined;
  const flags = head.readUInt32LE(8);
  const descriptor = await bytes.read(readU64(head, 28) * SECTOR, Math.min(readU64(head, 36) * SECTOR, 1 << 20));
  const text = descriptor.toString('latin1').replace(/\0+$/, '');
  const createType = value(text, 'createType');
  return {
    version: head.readUInt32LE(4),
    capacity: readU64(head, 12) * SECTOR,
    grainBytes: readU64(head, 20) * SECTOR,
    compressed: (flags & 0x10000) !== 0 && head.readUInt16LE(77) === 1,
    markers: (flags & 0x20000) !== 0,
    createType,
    adapterType: value(text, 'ddb.adapterType'),
    parent: !/^parentCID\s*=\s*ffffffff\s*$/im.test(text),
    defects: createType === 'streamOptimized' ? await frameDefects(bytes, head) : [],
  };
}

function value(text: string, name: string): string {
  return new RegExp(`^${name.replace('.', '\\.')}\\s*=\\s*"?([^"\\n]*)"?\\s*$`, 'm').exec(text)?.[1] ?? '';
}

/** What the flags of a streamOptimized header promise: footer and end of stream, and markers before the tables. */
async function frameDefects(bytes: Bytes, head: Buffer): Promise<string[]> {
  const end = await bytes.read(bytes.size - 3 * SECTOR, 3 * SECTOR);
  if (bytes.size % SECTOR !== 0) return ['its size is no multiple of 512 bytes'];
  if (!isMarker(end, 2 * SECTOR, MARKER.endOfStream)) return ['there is no end-of-stream marker at its end'];
  const inFooter = head.readBigUInt64LE(56) === AT_END;
  if (!inFooter) return ['its header does not point to a footer'];
  if (!isMarker(end, 0, MARKER.footer) || readText(end, SECTOR, 4) !== 'KDMV') return ['there is no footer at its end'];
  const directoryAt = readU64(end, SECTOR + 56) * SECTOR;
  const before = await bytes.read(directoryAt - SECTOR, SECTOR);
  if (!isMarker(before, 0, MARKER.grainDirectory)) return ['there is no marker before the grain directory'];
  const tableAt = (await bytes.read(directoryAt, 4)).readUInt32LE(0) * SECTOR;
  if (tableAt === 0) return [];
  const beforeTable = await bytes.read(tableAt - SECTOR, SECTOR);
  return isMarker(beforeTable, 0, MARKER.grainTable) ? [] : ['there is no marker before the first grain table'];
}

/** A marker has a size of 0 in bytes 8 to 11, where a grain has its length, and its type behind. */
function isMarker(buffer: Buffer, at: number, type: number): boolean {
  return buffer.length >= at + 16 && buffer.readUInt32LE(at + 8) === 0 && buffer.readUInt32LE(at + 12) === type;
}
