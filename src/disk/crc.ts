/** CRC-32 polynomial of IEEE 802.3, bits reversed: what LVM, GPT and zlib share. */
const POLYNOMIAL = 0xedb88320;

/** The one of Castagnoli, bits reversed: btrfs. */
const CASTAGNOLI = 0x82f63b78;

const tableOf = (polynomial: number): Uint32Array =>
  Uint32Array.from({ length: 256 }, (_, byte) => {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ polynomial;
    return value;
  });

const TABLE = tableOf(POLYNOMIAL);
const TABLE_C = tableOf(CASTAGNOLI);

/** What LVM starts from instead of all ones (lib/misc/crc.h of LVM2: INITIAL_CRC). */
const LVM_START = 0xf597a6cf;

/** The checksum of LVM2: CRC-32 with a start of its own and, unlike zlib's, without inverting the result. */
export function lvmCrc(bytes: Uint8Array): number {
  let crc = LVM_START;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return crc >>> 0;
}

/** CRC-32C, started from all ones and inverted at the end: the checksum of btrfs' blocks. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE_C[(crc ^ byte) & 0xff] ?? 0);
  return ~crc >>> 0;
}
