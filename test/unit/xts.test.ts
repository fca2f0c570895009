import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xtsEncryptor } from '../../src/exec/xts.js';

const bytes = (length: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));

/** The mode as OpenSSL has it, a sector at a time. */
function byOpenssl(key: Buffer, sectorBytes: number, data: Buffer, first: number): Buffer {
  const sectors = Array.from({ length: data.length / sectorBytes }, (_, n) => {
    const tweak = Buffer.alloc(16);
    tweak.writeBigUInt64LE(BigInt(first + (n * sectorBytes) / 512));
    const cipher = createCipheriv(`aes-${String(key.length * 4)}-xts`, key, tweak);
    return Buffer.concat([cipher.update(data.subarray(n * sectorBytes, (n + 1) * sectorBytes)), cipher.final()]);
  });
  return Buffer.concat(sectors);
}

describe('xtsEncryptor', () => {
  it('encrypts as OpenSSL does, wherever the sectors lie', () => {
    const inputs = fc.record({
      key: fc.constantFrom(32, 64).chain(bytes),
      sectorBytes: fc.constantFrom(512, 4096),
      pieces: fc.array(
        fc.record({ first: fc.nat(2 ** 31 - 1), high: fc.nat(2 ** 12), sectors: fc.integer({ min: 1, max: 4 }) }),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
      seed: bytes(64),
    });
    fc.assert(
      fc.property(inputs, ({ key, sectorBytes, pieces, seed }) => {
        const encryptor = xtsEncryptor(key, sectorBytes);
        for (const { first, high, sectors } of pieces) {
          const number = first + high * 2 ** 32;
          const data = Buffer.alloc(sectors * sectorBytes, seed);
          const expected = byOpenssl(key, sectorBytes, data, number);
          expect(encryptor(data, number).equals(expected)).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });
});
