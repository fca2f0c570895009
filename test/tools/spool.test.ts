import { createHash } from 'node:crypto';
import { openSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { follow } from '../../src/exec/spool.js';
import { noise } from '../support/formats.js';
import { scratch } from '../support/scratch.js';

const STAYS = 4 << 20;
const top = scratch();

function opened(name: string): number {
  const file = path.join(top, name);
  const fd = openSync(file, 'w+');
  rmSync(file);
  return fd;
}

it('leaves what was read alone until much more was read, in however small pieces it comes', async () => {
  const fd = opened('slow');
  const parts = Array.from({ length: 3000 }, (_, n) => noise(64 + ((n * 7919) % 9000), String(n)));
  const write = async (): Promise<void> => {
    for (const part of parts) {
      writeSync(fd, part);
      await setImmediate();
    }
  };
  const seen = createHash('sha256');
  const held: Buffer[] = [];
  let bytes = 0;
  for await (const piece of follow(fd, write(), STAYS)) {
    held.push(piece);
    bytes += piece.length;
    // As late as is allowed.
    for (let oldest = held[0]; oldest !== undefined && bytes - oldest.length > STAYS; oldest = held[0]) {
      seen.update(oldest);
      bytes -= oldest.length;
      held.shift();
    }
  }
  for (const piece of held) seen.update(piece);
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  expect(seen.digest('hex')).toBe(hash.digest('hex'));
});

it('gives the room back of what was read', async () => {
  const fd = opened('large');
  const megabyte = noise(1 << 20, 'large');
  for (let n = 0; n < 200; n += 1) writeSync(fd, megabyte);
  let bytes = 0;
  let least = Infinity;
  for await (const piece of follow(fd, Promise.resolve(), STAYS)) {
    bytes += piece.length;
    if (bytes % (20 << 20) === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    least = Math.min(least, statSync(`/proc/self/fd/${String(fd)}`).blocks * 512);
  }
  expect(bytes).toBe(200 << 20);
  expect(least).toBeLessThan(100 << 20);
});
