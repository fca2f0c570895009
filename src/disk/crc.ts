/** CRC-32 polynomial of IEEE 802.3, bits reversed: what LVM, GPT and zlib share. */
const POLYNOMIAL = 0xedb88320;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ POLYNOMIAL;
  return value;
});

/** What LVM starts from instead of all ones (lib/misc/crc.h of LVM2: INITIAL_CRC). */
const LVM_START = 0xf597a6cf;

/** The checksum of LVM2: CRC-32 with a start of its own and, unlike zlib's, without inverting the result. */
export function lvmCrc(bytes: Uint8Array): number {
  let crc = LVM_START;
  for (const byte of bytes) crc = (crc >>> 8) ^ (TABLE[(crc ^ byte) & 0xff] ?? 0);
  return crc >>> 0;
}
