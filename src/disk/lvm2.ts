import { lvmCrc } from './crc.js';
import type { LvmPlan, VolumePlan } from './types.js';

/*
 * LVM2 metadata, written by hand because the tools of lvm2 take block devices only.
 *
 * A physical volume begins like this (all numbers little-endian, offsets in bytes; struct label_header in
 * lib/label/label.h, the others in lib/format_text/layout.h of LVM2; numbers as lvm2 2.03 itself writes them):
 *
 *   512   label: "LABELONE", u64 number of this sector, u32 crc of what follows it up to the sector's end,
 *         u32 offset of the PV header in this sector, "LVM2 001"
 *   544   PV header: id of 32 characters, u64 bytes of the device,
 *         data areas {u64 offset, u64 size; 0: to the end}, ended by an empty one,
 *         metadata areas likewise, extension: u32 version 2, u32 flags (1: belongs to a group), boot areas, ended likewise
 *   4096  metadata header: u32 crc of the rest of its 512 bytes, magic, u32 version 1, u64 its own offset,
 *         u64 size of the area, then where the text is: u64 offset from this header, u64 length with the NUL,
 *         u32 crc of the text, u32 flags; an empty location ends the list
 *   4608  the text: the group and its volumes, as `vgcfgbackup` shows them
 *
 * The area is a ring: LVM writes each new version behind the one before. The first extent starts where the area ends.
 */
const SECTOR = 512;
const LABEL_SECTOR = 1;
const PV_HEADER = 32;
const METADATA = 4096;
const METADATA_HEADER = 512;
const MAGIC = ' LVM2 x[5A%r0N*>';

const PAGE = 4096;

/**
 * What the metadata says of the device it was last written to: LVM's own word for one that it does not know
 * (DEFAULT_UNKNOWN_DEVICE_NAME in lib/config/defaults.h). It takes any name for a hint, but `pvscan --cache --activate ay`, which
 * Debian 11's rules of udev run, and `pvck --repair` compare it without looking whether it is there, and crash (2.03.11 to 2.03.31:
 * device_hint in tools/pvscan.c and tools/pvck.c).
 */
const UNKNOWN_DEVICE = '[unknown]';

/**
 * The beginning of a physical volume that holds a volume group of its own: label, headers and metadata, padded with
 * zeros to whole pages. What follows up to the first extent is to be zero.
 *
 * Linear volumes in one piece on this one device are all that is written. `epoch` is the time that they say they were made.
 */
export function lvmHeader(plan: LvmPlan, epoch: number): Buffer {
  checkPlaces(plan);
  const text = Buffer.from(`${lvmText(plan, epoch)}\0`, 'ascii');
  const area = plan.peStart - METADATA;
  // LVM keeps the version before while it writes the next one, which is longer if anything.
  if (text.length > (area - METADATA_HEADER) / 2) {
    throw new Error(`volume group ${plan.name}: ${String(plan.volumes.length)} volumes are too many for its metadata`);
  }
  const end = METADATA + METADATA_HEADER + text.length;
  const header = Buffer.alloc(Math.ceil(end / PAGE) * PAGE);
  writeLabel(header.subarray(LABEL_SECTOR * SECTOR, (LABEL_SECTOR + 1) * SECTOR), plan);
  writeMetadataHeader(header.subarray(METADATA, METADATA + METADATA_HEADER), area, text);
  text.copy(header, METADATA + METADATA_HEADER);
  return header;
}

/** LVM refuses a group whose volumes overlap or do not fit, but not before the machine starts. */
function checkPlaces(plan: LvmPlan): void {
  let end = 0;
  for (const { name, firstExtent, extents } of plan.volumes.toSorted((a, b) => a.firstExtent - b.firstExtent)) {
    if (firstExtent < end || extents < 1) throw new Error(`volume ${plan.name}/${name} lies over another one`);
    end = firstExtent + extents;
  }
  if (end > extentCount(plan)) throw new Error(`volume group ${plan.name}: its volumes reach beyond its end`);
}

function extentCount({ bytes, peStart, extentBytes }: LvmPlan): number {
  return Math.floor((bytes - peStart) / extentBytes);
}

function writeLabel(sector: Buffer, plan: LvmPlan): void {
  sector.write('LABELONE', 0, 'ascii');
  putU64(sector, 8, LABEL_SECTOR);
  sector.writeUInt32LE(PV_HEADER, 20);
  sector.write('LVM2 001', 24, 'ascii');
  sector.write(plan.pvId, PV_HEADER, 'ascii');
  putU64(sector, 64, plan.bytes);
  putU64(sector, 72, plan.peStart);
  // 80: size 0, 88: end of the data areas
  putU64(sector, 104, METADATA);
  putU64(sector, 112, plan.peStart - METADATA);
  // 120: end of the metadata areas
  sector.writeUInt32LE(2, 136);
  sector.writeUInt32LE(1, 140);
  sector.writeUInt32LE(lvmCrc(sector.subarray(20)), 16);
}

function writeMetadataHeader(header: Buffer, area: number, text: Buffer): void {
  header.write(MAGIC, 4, 'ascii');
  header.writeUInt32LE(1, 20);
  putU64(header, 24, METADATA);
  putU64(header, 32, area);
  putU64(header, 40, METADATA_HEADER);
  putU64(header, 48, text.length);
  header.writeUInt32LE(lvmCrc(text), 56);
  header.writeUInt32LE(lvmCrc(header.subarray(4)), 0);
}

function putU64(buffer: Buffer, offset: number, value: number): void {
  buffer.writeBigUInt64LE(BigInt(value), offset);
}

/** The group as text; sizes in sectors, as lib/format_text/export.c of LVM2 writes them. */
function lvmText(plan: LvmPlan, epoch: number): string {
  const volumes = plan.volumes.map((volume) => volumeText(volume, epoch));
  return `${plan.name} {
id = "${dashed(plan.vgId)}"
seqno = 1
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
flags = []
extent_size = ${String(plan.extentBytes / SECTOR)}
max_lv = 0
max_pv = 0
metadata_copies = 0

physical_volumes {

pv0 {
id = "${dashed(plan.pvId)}"
device = "${UNKNOWN_DEVICE}"
status = ["ALLOCATABLE"]
flags = []
dev_size = ${String(Math.floor(plan.bytes / SECTOR))}
pe_start = ${String(plan.peStart / SECTOR)}
pe_count = ${String(extentCount(plan))}
}
}
${volumes.length === 0 ? '' : `\nlogical_volumes {\n${volumes.join('')}}\n`}
}
# Generated by imgbuild

contents = "Text Format Volume Group"
version = 1

description = "Written by imgbuild"

creation_host = "imgbuild"
creation_time = ${String(epoch)}

`;
}

function volumeText(volume: VolumePlan, epoch: number): string {
  return `
${volume.name} {
id = "${dashed(volume.id)}"
status = ["READ", "WRITE", "VISIBLE"]
flags = []
creation_time = ${String(epoch)}
creation_host = "imgbuild"
segment_count = 1

segment1 {
start_extent = 0
extent_count = ${String(volume.extents)}

type = "striped"
stripe_count = 1

stripes = [
"pv0", ${String(volume.firstExtent)}
]
}
}
`;
}

/** Ids have 32 characters on disk and are written 6-4-4-4-4-4-6 (lib/uuid/uuid.c: id_write_format). */
export function dashed(id: string): string {
  return id.replace(/^(.{6})(.{4})(.{4})(.{4})(.{4})(.{4})(.{6})$/, '$1-$2-$3-$4-$5-$6-$7');
}
