import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tarSplitter, type Piece } from '../../src/exec/tarsplit.js';

const BLOCK = 512;

function header(name: string, size: number, type = '0'): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100, 'utf8');
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write(type, 156, 'latin1');
  return block;
}

function member(name: string, content: Buffer, type = '0'): Buffer {
  const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
  return Buffer.concat([header(name, content.length, type), content, padding]);
}

function split(data: Buffer, size = 65536): Piece[] {
  const splitter = tarSplitter();
  const pieces: Piece[] = [];
  for (let at = 0; at < data.length; at += size) pieces.push(...splitter.push(data.subarray(at, at + size)));
  return [...pieces, ...splitter.finish()];
}

/** Members of 50 kB with names that differ, so that cuts fall where names say. */
function tree(count: number, change?: number): Buffer {
  const members = Array.from({ length: count }, (_, i) =>
    member(`./usr/share/file-${String(i)}`, Buffer.alloc(50_000, i === change ? 'x' : String(i % 10))),
  );
  return Buffer.concat([...members, Buffer.alloc(2 * BLOCK)]);
}

describe('tarSplitter', () => {
  it('gives pieces that are the stream again, with their digests', () => {
    const data = tree(600);
    const pieces = split(data);
    expect(pieces.length).toBeGreaterThan(2);
    let end = 0;
    for (const piece of pieces) {
      const part = data.subarray(end, end + piece.bytes);
      end += piece.bytes;
      expect(piece.sha256).toBe(createHash('sha256').update(part).digest('hex'));
      expect(Buffer.concat(piece.content).equals(part)).toBe(true);
      expect(piece.bytes % BLOCK).toBe(0);
    }
    expect(end).toBe(data.length);
  });

  it('changes one piece when one member changes', () => {
    const before = split(tree(600)).map((piece) => piece.sha256);
    const after = split(tree(600, 300)).map((piece) => piece.sha256);
    expect(after).toHaveLength(before.length);
    expect(after.filter((hash, i) => hash !== before[i])).toHaveLength(1);
  });

  it('finds the same cuts again after a member was added', () => {
    const added = Buffer.concat([member('./usr/share/added', Buffer.alloc(70_000, 'a')), tree(900)]);
    const before = new Set(split(tree(900)).map((piece) => piece.sha256));
    const after = split(added);
    expect(after.filter((piece) => !before.has(piece.sha256)).length).toBeLessThanOrEqual(2);
  });

  it('does not depend on how the stream arrives', () => {
    const data = tree(300);
    const whole = split(data, data.length).map((piece) => piece.sha256);
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 300_000 }), (size) => {
        expect(split(data, size).map((piece) => piece.sha256)).toEqual(whole);
      }),
      { numRuns: 8 },
    );
  });

  it('keeps an extended header with its member and bounds the size of a piece', () => {
    const big = Buffer.concat([
      member('./PaxHeaders/big', Buffer.from('30 path=./a/very/long/name\n'), 'x'),
      member('./big', Buffer.alloc(40 << 20, 'b')),
      Buffer.alloc(2 * BLOCK),
    ]);
    const pieces = split(big, 1 << 20);
    expect(Math.max(...pieces.map((piece) => piece.bytes))).toBeLessThanOrEqual(8 << 20);
    expect(pieces[0]?.bytes).toBe(8 << 20);
  });

  it('leaves a large member alone when its neighbours change', () => {
    const large = member('./usr/lib/libmuch.so', Buffer.alloc(3 << 20, 'm'));
    const around = (text: string): Buffer =>
      Buffer.concat([member('./usr/lib/a', Buffer.from(text)), large, member('./usr/lib/z', Buffer.from(text))]);
    const alone = createHash('sha256').update(large).digest('hex');
    expect(split(around('one'))[1]?.sha256).toBe(alone);
    expect(split(around('another'))[1]?.sha256).toBe(alone);
  });

  it('refuses a stream that ends inside a header', () => {
    expect(() => split(tree(2).subarray(0, 100))).toThrow('in the middle of a header');
  });
});
