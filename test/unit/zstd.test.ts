import { createCipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { looksRandom, zstdRaw, zstdZeros } from '../../src/output/zstd.js';

const MIB = 2 ** 20;

describe('zstdZeros', () => {
  it('is the frame of RFC 8878, byte by byte', () => {
    // Magic; size in 8 bytes; window of 128 KiB; the size; a block of 131072 zeros, and the last one of one zero.
    expect(zstdZeros(131_073).toString('hex')).toBe(
      ['28b52ffd', 'c0', '38', '0100020000000000', '02001000', '0b000000'].join(''),
    );
    expect(zstdZeros(131_072).toString('hex')).toBe(['28b52ffd', 'c0', '38', '0000020000000000', '03001000'].join(''));
    expect(zstdZeros(0)).toHaveLength(0);
  });

  it('is some frames for more than a GiB, which none can be asked to hold', () => {
    const frames = zstdZeros(2 ** 30 + MIB);
    expect(frames.length).toBe(14 + 4 * 8192 + 14 + 4 * 8);
    expect(frames.subarray(14 + 4 * 8192, 14 + 4 * 8192 + 4).toString('hex')).toBe('28b52ffd');
  });
});

describe('zstdRaw', () => {
  it('is the frame of RFC 8878, byte by byte', () => {
    const data = Buffer.alloc(131_073, 'x');
    const frame = zstdRaw(data);
    expect(frame.subarray(0, 17).toString('hex')).toBe(['28b52ffd', 'c0', '38', '0100020000000000', '000010'].join(''));
    expect(frame.subarray(17, 17 + 131_072).equals(data.subarray(1))).toBe(true);
    expect(frame.subarray(17 + 131_072).toString('hex')).toBe(['090000', '78'].join(''));
  });
});

/** Bytes that chance could have made, and always the same ones. */
function chance(bytes: number, seed = 0): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

describe('looksRandom', () => {
  const random = chance(MIB);
  const text = Buffer.from(Array.from({ length: 90_000 }, (_, n) => `line ${String(n)} of a text\n`).join('')).subarray(
    0,
    MIB,
  );

  it.each<[string, Buffer, boolean]>([
    ['random bytes', random, true],
    ['fewer of them', random.subarray(0, 2 ** 16), true],
    ['so few that nothing can be said', random.subarray(0, 2 ** 13), false],
    ['zeros', Buffer.alloc(MIB), false],
    ['text', text, false],
    ['random bytes with a sixteenth of zeros', random.map((byte, at) => (at % 4096 < 256 ? 0 : byte)) as Buffer, false],
  ])('%s', (_, data, expected) => {
    expect(looksRandom(data)).toBe(expected);
  });

  it('takes none of many random pieces for something else', () => {
    const pieces = Array.from({ length: 200 }, (_, n) => chance(2 ** 17 + n, n));
    expect(pieces.filter((piece) => !looksRandom(piece))).toEqual([]);
  });
});
