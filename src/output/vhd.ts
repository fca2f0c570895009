import { contentGuid } from './guid.js';

/*
 * Fixed VHD: the disk itself with a footer of 512 bytes behind it ("Virtual Hard Disk Image Format Specification" 1.0).
 * Numbers are big-endian.
 */

export const VHD_FOOTER = 512;

/** Azure takes only sizes that are multiples of this. */
export const VHD_UNIT = 2 ** 20;

/** 2000-01-01 in seconds since 1970: where the format's own clock starts. */
const CLOCK_START = 946_684_800;
const FIXED = 2;

/**
 * The footer.
 *
 * @param bytes size of the disk.
 * @param content digest of the disk, which the unique id follows from.
 * @param epoch seconds since 1970.
 */
export function vhdFooter(bytes: number, content: string, epoch: number): Buffer {
  const footer = Buffer.alloc(VHD_FOOTER);
  footer.write('conectix', 0, 'latin1');
  footer.writeUInt32BE(2, 8);
  footer.writeUInt32BE(0x0001_0000, 12);
  footer.fill(0xff, 16, 24);
  footer.writeUInt32BE(Math.max(0, epoch - CLOCK_START), 24);
  // QEMU (block/vpc.c) trusts the size of the disk only of writers that it knows and takes the geometry of others, which
  // cannot say every size; this is the mark that it gives to disks with an exact size.
  footer.write('qem2', 28, 'latin1');
  footer.writeUInt32BE(0x0001_0000, 32);
  footer.write('Wi2k', 36, 'latin1');
  footer.writeBigUInt64BE(BigInt(bytes), 40);
  footer.writeBigUInt64BE(BigInt(bytes), 48);
  const { cylinders, heads, sectors } = vhdGeometry(bytes);
  footer.writeUInt16BE(cylinders, 56);
  footer.writeUInt8(heads, 58);
  footer.writeUInt8(sectors, 59);
  footer.writeUInt32BE(FIXED, 60);
  Buffer.from(contentGuid(content, 'vhd').replaceAll('-', ''), 'hex').copy(footer, 68);
  const sum = footer.reduce((total, byte) => total + byte, 0);
  footer.writeUInt32BE(~sum >>> 0, 64);
  return footer;
}

/** Cylinders, heads and sectors of a size, by the appendix of the specification. */
export function vhdGeometry(bytes: number): { cylinders: number; heads: number; sectors: number } {
  const total = Math.min(Math.floor(bytes / 512), 65535 * 16 * 255);
  if (total >= 65535 * 16 * 63) return { cylinders: Math.floor(total / 255 / 16), heads: 16, sectors: 255 };
  let sectors = 17;
  let tracks = Math.floor(total / sectors);
  let heads = Math.max(4, Math.floor((tracks + 1023) / 1024));
  if (tracks >= heads * 1024 || heads > 16) {
    sectors = 31;
    heads = 16;
    tracks = Math.floor(total / sectors);
  }
  if (tracks >= heads * 1024) {
    sectors = 63;
    heads = 16;
    tracks = Math.floor(total / sectors);
  }
  return { cylinders: Math.floor(tracks / heads), heads, sectors };
}
