import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c, lvmCrc } from '../../src/disk/crc.js';

/** Bit by bit, as a checksum is defined. */
function byBits(polynomial: number, start: number, bytes: Uint8Array): number {
  let crc = start;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ polynomial;
  }
  return crc >>> 0;
}

describe('checksums', () => {
  it('are those of their standards', () => {
    // Of RFC 3720, appendix B.4, and of the usual check string.
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, n) => n))).toBe(0x46dd794e);
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
  });

  it('are what single bits give, for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(crc32c(bytes)).toBe(~byBits(0x82f63b78, 0xffffffff, bytes) >>> 0);
        expect(lvmCrc(bytes)).toBe(byBits(0xedb88320, 0xf597a6cf, bytes));
      }),
    );
  });
});
