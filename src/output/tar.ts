/*
 * Tar as OVA wants it, and OCI and Incus take it: plain ustar headers (vSphere has refused archives with pax headers), root's, 0644. A size beyond
 * ustar's eight gigabytes is stored as GNU tar and VMware's tools do, in binary with the highest bit set.
 */

export const TAR_BLOCK = 512;

/** As GNU tar pads an archive at its end. */
const TAR_RECORD = 20 * TAR_BLOCK;
const OCTAL_LIMIT = 8 ** 11;

/**
 * The header of a regular file.
 *
 * @throws Error when the name does not fit.
 */
export function tarHeader(name: string, bytes: number, epoch: number): Buffer {
  const header = Buffer.alloc(TAR_BLOCK);
  if (Buffer.byteLength(name) > 100) throw new Error(`too long for a name in a tar: ${name}`);
  header.write(name, 0, 'utf8');
  writeOctal(header, 0o644, 100, 8);
  writeOctal(header, 0, 108, 8);
  writeOctal(header, 0, 116, 8);
  if (bytes < OCTAL_LIMIT) writeOctal(header, bytes, 124, 12);
  else {
    header.writeUInt8(0x80, 124);
    header.writeBigUInt64BE(BigInt(bytes), 128);
  }
  writeOctal(header, epoch, 136, 12);
  header.fill(' ', 148, 156);
  header.write('0', 156, 'latin1');
  header.write('ustar\u000000', 257, 'latin1');
  header.write(`${tarSum(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** The sum that a header bears, whose own field counts as blanks. */
export function tarSum(header: Buffer): number {
  return header.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 0x20 : byte), 0);
}

function writeOctal(header: Buffer, value: number, at: number, width: number): void {
  header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1');
}

/** Bytes that a member's content takes. */
export function tarPadded(bytes: number): number {
  return Math.ceil(bytes / TAR_BLOCK) * TAR_BLOCK;
}

/** Size of an archive whose members end here. */
export function tarEnd(bytes: number): number {
  return Math.ceil((bytes + 2 * TAR_BLOCK) / TAR_RECORD) * TAR_RECORD;
}
