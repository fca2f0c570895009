import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBtrfs } from '../../src/disk/btrfs.js';
import { inPieces, without } from '../../src/disk/extents.js';
import { syncReader } from '../../src/exec/positioned.js';
import { runCommand } from '../support/cli.js';
import { KIB, MIB } from '../support/disk-plans.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const SIZE = 256 * MIB;

/** A tree with contents of all sizes, small ones that lie in blocks of trees, and enough names for trees of several levels. */
function makeTree(tree: string): Buffer {
  mkdirSync(path.join(tree, 'many'), { recursive: true });
  for (let n = 0; n < 2000; n += 1)
    writeFileSync(path.join(tree, 'many', `a rather long name of ${String(n)}`), String(n));
  for (const kib of [3, 5, 100, 3000]) writeFileSync(path.join(tree, `random-${String(kib)}`), randomBytes(kib * KIB));
  writeFileSync(path.join(tree, 'zeros'), Buffer.alloc(2 * MIB));
  return readFileSync(path.join(tree, 'random-3000'));
}

describe('readBtrfs', () => {
  it('finds all that a file system refers to: it is whole when everything else is rubbish', async () => {
    const tree = path.join(directory, 'tree');
    const data = makeTree(tree);
    const file = path.join(directory, 'fs');
    writeFileSync(file, '');
    truncateSync(file, SIZE);
    const made = await runCommand(['mkfs.btrfs', '-q', '--rootdir', tree, file]);
    expect(made).toMatchObject({ code: 0 });

    const fd = openSync(file, 'r+');
    const { parts } = readBtrfs(syncReader(fd, 0));
    const rubbish = randomBytes(MIB);
    for (const { start, bytes } of inPieces(without({ start: 0, bytes: SIZE }, parts), MIB))
      writeSync(fd, rubbish, 0, bytes, start);
    closeSync(fd);
    const used = parts.reduce((sum, { bytes }) => sum + bytes, 0);
    // Contents once, trees twice; no more than some rest of blocks.
    expect(used).toBeGreaterThan(5 * MIB);
    expect(used).toBeLessThan(12 * MIB);

    const checked = await runCommand(['btrfs', 'check', '--check-data-csum', file]);
    expect(checked.stdout + checked.stderr).toContain('no error found');
    expect(checked.code).toBe(0);
    const restored = path.join(directory, 'restored');
    mkdirSync(restored);
    expect(await runCommand(['btrfs', 'restore', file, restored])).toMatchObject({ code: 0 });
    expect(await runCommand(['diff', '-r', tree, restored])).toMatchObject({ code: 0, stdout: '' });
    expect(readFileSync(path.join(restored, 'random-3000')).equals(data)).toBe(true);
  });

  it('refuses what is none, and trees that are broken', async () => {
    expect(() => readBtrfs((_, bytes) => Buffer.alloc(bytes))).toThrow('there is no btrfs');
    const file = path.join(directory, 'broken');
    writeFileSync(file, '');
    truncateSync(file, SIZE);
    expect(await runCommand(['mkfs.btrfs', '-q', file])).toMatchObject({ code: 0 });
    const image = readFileSync(file);
    const read = (at: number, bytes: number): Buffer => image.subarray(at, at + bytes);
    const { parts } = readBtrfs(read);
    // The first copies of all blocks.
    for (const { start, address } of parts)
      if (address !== undefined) image.writeUInt8(image.readUInt8(start + 200) ^ 1, start + 200);
    expect(() => readBtrfs(read)).toThrow('btrfs has a broken block');
  });
});
