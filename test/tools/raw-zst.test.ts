import { createCipheriv } from 'node:crypto';
import { closeSync, openSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { writeRawZst } from '../../src/exec/formats/raw-zst.js';
import { shell } from '../support/disk-image.js';
import { scratch } from '../support/scratch.js';

const MIB = 2 ** 20;
const top = scratch();

function chance(bytes: number, seed: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

it('a disk with random parts is the same after zstd, takes no more than these, and has no trace of its holes', async () => {
  const text = Buffer.from('a line of text\n'.repeat((3 * MIB) / 15 + 1)).subarray(0, 3 * MIB);
  const hole = Buffer.alloc(40 * MIB);
  const parts = [
    chance(20 * MIB, 1),
    text,
    chance(5 * MIB, 2),
    hole,
    chance(17 * MIB, 3),
    text.subarray(0, MIB + 1000),
  ];
  const content = Buffer.concat(parts);

  const packed = async (name: string, holes: boolean): Promise<string> => {
    const source = path.join(top, name);
    writeFileSync(source, '');
    truncateSync(source, content.length);
    const disk = openSync(source, 'r+');
    let at = 0;
    for (const part of parts) {
      if (part !== hole || !holes) writeSync(disk, part, 0, part.length, at);
      at += part.length;
    }
    closeSync(disk);
    const file = `${source}.zst`;
    const fd = openSync(file, 'wx+');
    await writeRawZst(
      { name: 'rootfs', path: source, bytes: content.length },
      { name: path.basename(file), fd, path: file },
      3,
      { disks: [], machine: undefined, options: {}, epoch: 0, scratch: top },
    );
    closeSync(fd);
    return file;
  };

  const file = await packed('sparse', true);
  expect(
    await shell('zstd -dcq -- "$1" | cmp - "$2" && zstd -tq -- "$1" && echo same', file, path.join(top, 'sparse')),
  ).toBe('same\n');
  const random = 42 * MIB;
  expect(statSync(file).size).toBeGreaterThan(random);
  expect(statSync(file).size).toBeLessThan(random * 1.001);
  expect(await shell('cmp -- "$1" "$2" && echo same', file, await packed('whole', false))).toBe('same\n');
});
