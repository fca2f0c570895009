import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inPieces, overlaps, without } from '../../src/disk/extents.js';
import type { Extents } from '../../src/disk/types.js';

const SIZE = 40;

/** Extents in order, from pairs of a gap and a length; neighbours may touch. */
const extents = fc.array(fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 6 })), { maxLength: 8 }).map((pairs) => {
  let at = 0;
  return pairs.map(([gap, bytes]): Extents => {
    const start = at + gap;
    at = start + bytes;
    return { start, bytes };
  });
});

/** Each byte that they hold. */
const bytesOf = (list: readonly Extents[]): number[] =>
  list.flatMap(({ start, bytes }) => Array.from({ length: bytes }, (_, n) => start + n));

describe('extents', () => {
  it('have in common what both have, byte by byte', () => {
    fc.assert(
      fc.property(extents, extents, (one, other) => {
        const theirs = new Set(bytesOf(other));
        expect(bytesOf(overlaps(one, other))).toEqual(bytesOf(one).filter((byte) => theirs.has(byte)));
      }),
    );
  });

  it('leave what the others do not have', () => {
    fc.assert(
      fc.property(fc.nat(SIZE), fc.nat(SIZE), extents, (start, bytes, others) => {
        const taken = new Set(bytesOf(others));
        expect(bytesOf(without({ start, bytes }, others))).toEqual(
          bytesOf([{ start, bytes }]).filter((byte) => !taken.has(byte)),
        );
      }),
    );
  });

  it('are the same in pieces', () => {
    fc.assert(
      fc.property(extents, fc.integer({ min: 1, max: 7 }), (list, most) => {
        const pieces = inPieces(list, most);
        expect(bytesOf(pieces)).toEqual(bytesOf(list));
        expect(pieces.every(({ bytes }) => bytes > 0 && bytes <= most)).toBe(true);
      }),
    );
  });
});
