import { lvmCrc } from './crc.js';
import type { DiskWrite } from './headers.js';

/*
 * `pvresize` on bytes: the size of the device stands in the header of the physical volume and in the metadata of its
 * group, the number of extents in the latter. The fields are described in lvm2.ts.
 */
const SECTOR = 512;

/** Sectors in which LVM looks for a label (lib/label/label.h: LABEL_SCAN_SECTORS). */
const LABEL_SECTORS = 4;
const METADATA_HEADER = 512;

/** True when these bytes begin a physical volume. */
export function isPhysicalVolume(start: Buffer): boolean {
  return labelAt(start) !== undefined;
}

/**
 * What has to be written to a physical volume whose device has grown, with offsets from its start. Undefined where it is
 * not that simple: several physical volumes in the group, two copies of the metadata, text that is damaged.
 *
 * @param start the volume's beginning with all of its metadata area.
 * @param bytes of the device now.
 */
export function grownVolume(start: Buffer, bytes: number): DiskWrite[] | undefined {
  const at = labelAt(start);
  if (at === undefined) return undefined;
  const label = Buffer.from(start.subarray(at, at + SECTOR));
  const header = label.readUInt32LE(20);
  const area = metadataArea(label, header);
  if (area === undefined || area.offset + area.size > start.length) return undefined;
  const metadata = grownMetadata(start.subarray(area.offset, area.offset + area.size), bytes);
  if (metadata === undefined) return undefined;
  label.writeBigUInt64LE(BigInt(bytes), header + 32);
  label.writeUInt32LE(lvmCrc(label.subarray(20)), 16);
  return [
    // The header last: it makes the new text count.
    ...metadata.map((write) => ({ ...write, offset: write.offset + area.offset })).reverse(),
    { offset: at, bytes: label },
  ];
}

function labelAt(start: Buffer): number | undefined {
  for (let at = 0; at < LABEL_SECTORS * SECTOR && at + SECTOR <= start.length; at += SECTOR) {
    const sector = start.subarray(at, at + SECTOR);
    // A label says in which sector it is: one that was copied elsewhere does not count.
    if (sector.toString('latin1', 0, 8) !== 'LABELONE' || sector.readBigUInt64LE(8) !== BigInt(at / SECTOR)) continue;
    if (lvmCrc(sector.subarray(20)) === sector.readUInt32LE(16)) return at;
  }
  return undefined;
}

/** The only metadata area; undefined when there are more, or none. */
function metadataArea(label: Buffer, header: number): { offset: number; size: number } | undefined {
  const areas: { offset: number; size: number }[][] = [[], []];
  let list = 0;
  for (let at = header + 40; list < 2 && at + 16 <= label.length; at += 16) {
    const offset = Number(label.readBigUInt64LE(at));
    const size = Number(label.readBigUInt64LE(at + 8));
    if (offset === 0) list += 1;
    else areas[list]?.push({ offset, size });
  }
  const [, metadata = []] = areas;
  return metadata.length === 1 ? metadata[0] : undefined;
}

/** The header of the area and the text, changed; in that order. */
function grownMetadata(area: Buffer, bytes: number): DiskWrite[] | undefined {
  const header = Buffer.from(area.subarray(0, METADATA_HEADER));
  const offset = Number(header.readBigUInt64LE(40));
  const length = Number(header.readBigUInt64LE(48));
  // The area is a ring; a text that runs over its end is left to LVM.
  if (offset < METADATA_HEADER || offset + length > area.length) return undefined;
  const old = area.subarray(offset, offset + length);
  const sound =
    lvmCrc(header.subarray(4)) === header.readUInt32LE(0) &&
    lvmCrc(old) === header.readUInt32LE(56) &&
    old.at(-1) === 0;
  const changed = sound ? grownText(old.toString('latin1', 0, old.length - 1), bytes) : undefined;
  if (changed === undefined) return undefined;
  const text = Buffer.from(`${changed}\0`, 'latin1');
  if (offset + text.length > area.length) return undefined;
  header.writeBigUInt64LE(BigInt(text.length), 48);
  header.writeUInt32LE(lvmCrc(text), 56);
  header.writeUInt32LE(lvmCrc(header.subarray(4)), 0);
  return [
    { offset: 0, bytes: header },
    { offset, bytes: text },
  ];
}

function grownText(text: string, bytes: number): string | undefined {
  const number = (name: string): number | undefined => {
    const found = [...text.matchAll(new RegExp(`^\\s*${name} = (\\d+)`, 'gm'))];
    return found.length === 1 ? Number(found[0]?.[1]) : undefined;
  };
  const [seqno, extent, start, count] = ['seqno', 'extent_size', 'pe_start', 'pe_count'].map(number);
  const sectors = Math.floor(bytes / SECTOR);
  if (seqno === undefined || extent === undefined || start === undefined || count === undefined) return undefined;
  if (number('dev_size') === undefined) return undefined;
  const extents = Math.floor((sectors - start) / extent);
  if (extents < count) return undefined;
  const set = (name: string, value: number): void => {
    text = text.replace(new RegExp(`^(\\s*${name} = )\\d+`, 'm'), `$1${String(value)}`);
  };
  set('seqno', seqno + 1);
  set('dev_size', sectors);
  set('pe_count', extents);
  return text;
}
