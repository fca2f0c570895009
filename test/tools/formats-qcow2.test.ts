import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FormatJob } from '../../src/exec/formats/job.js';
import { shell, tool } from '../support/disk-image.js';
import { noise, put, writeInto } from '../support/formats.js';
import { scratch } from '../support/scratch.js';

const MIB = 2 ** 20;
const top = scratch();

/** Writes a disk as qcow2 and has QEMU check it and compare it with the disk. */
async function checked(disk: string, name: string, more: Partial<FormatJob> = {}): Promise<string> {
  const directory = path.join(top, name);
  const disks = [{ name: 'rootfs', path: disk, bytes: statSync(disk).size }];
  await writeInto(directory, ['qcow2'], { disks, scratch: top, ...more });
  const image = path.join(directory, 'web_rootfs.qcow2');
  expect(await tool(['qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', disk, image])).toContain('identical');
  await tool(['qemu-img', 'check', '-q', '-f', 'qcow2', image]);
  return image;
}

describe('qcow2', () => {
  const disk = path.join(top, 'disk.raw');

  it('has a table for each 512 MiB that hold something, and shares clusters', async () => {
    await shell('truncate -s 5G "$1"', disk);
    for (const at of [0, 511.99, 513, 2600.5]) put(disk, at * MIB, noise(100_000, String(at)));
    for (let n = 0; n < 500; n += 1) put(disk, 3000 * MIB + n * 65_536, Buffer.alloc(9000, `text ${String(n)}. `));
    const image = await checked(disk, 'compressed');
    expect(statSync(image).size).toBeLessThan(2 * MIB);
    expect(readdirSync(top).filter((name) => name.startsWith('qcow2-'))).toEqual([]);
    const plain = await checked(disk, 'plain', { options: {} });
    expect(statSync(plain).size).toBeGreaterThan(30 * MIB);
  });

  it('can be grown and written to, as platforms do', async () => {
    const image = path.join(top, 'grown.qcow2');
    await shell('cp "$1" "$2"', path.join(top, 'compressed/web_rootfs.qcow2'), image);
    await tool(['qemu-img', 'resize', '-q', image, '80G']);
    const written = ['write -P 7 3000M 1M', 'write -P 8 79G 70k', 'discard 0 64k'];
    await tool(['qemu-io', '-f', 'qcow2', ...written.flatMap((command) => ['-c', command]), image]);
    await tool(['qemu-io', '-f', 'qcow2', '-c', 'read -P 7 3000M 1M', '-c', 'read -P 8 79G 70k', image]);
    await tool(['qemu-img', 'check', '-q', '-f', 'qcow2', image]);
  });

  it.each(['zstd', 'none'])('of an empty disk, and of one that ends in the middle of a cluster: %s', async (how) => {
    const options = { 'output.qcow2Compression': how };
    const empty = path.join(top, 'empty.raw');
    await shell('truncate -s 200M "$1"', empty);
    await checked(empty, `empty-${how}`, { options });
    const odd = path.join(top, 'odd.raw');
    await shell('truncate -s 134218240 "$1"', odd);
    put(odd, 134_217_728, noise(512, 'end'));
    await checked(odd, `odd-${how}`, { options });
  });
});
