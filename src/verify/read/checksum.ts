/** The table of a reflected 32-bit CRC. */
function crcTable(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, n) => {
    let value = n;
    for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    return value >>> 0;
  });
}

function crc(table: Uint32Array, data: Buffer): number {
  let value = 0xffffffff;
  for (const byte of data) value = (value >>> 8) ^ (table[(value ^ byte) & 0xff] ?? 0);
  return ~value >>> 0;
}

const CASTAGNOLI = crcTable(0x82f63b78);
const IEEE = crcTable(0xedb88320);

/** CRC-32C, as VHDX uses it. */
export function crc32c(data: Buffer): number {
  return crc(CASTAGNOLI, data);
}

/** CRC-32, as GPT uses it; node:zlib has it from Node 22.2 on. */
export function crc32(data: Buffer): number {
  return crc(IEEE, data);
}
