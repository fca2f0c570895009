import { beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, CACHE, imageDigest, leftovers, startBuild, withDirectory } from '../support/build.js';

const PROFILE = 'deb12-amd64-lxc';
let reference: string;

beforeAll(async () => {
  await withDirectory(async (directory) => {
    reference = imageDigest(await build([PROFILE, '--output', directory]));
  });
});

/** Waits until nothing is left, for as long as the kernel may take to end processes. */
async function settled(output: string): Promise<string[]> {
  let left: string[] = [];
  for (let n = 0; n < 50; n++) {
    left = leftovers(CACHE, output);
    if (left.length === 0) return left;
    await sleep(200);
  }
  return left;
}

/** Moments of a build: what it says last before, and how much later the signal comes. */
const MOMENTS: readonly (readonly [string, number])[] = [
  ['', 250],
  ['', 600],
  ['archive', 200],
  ['archive', 1500],
  ['archive', 5000],
  ['base', 500],
  ['base', 3000],
  ['packages', 300],
  ['packages', 900],
  ['configure', 30],
  // While the image is being written.
  ['configure', 300],
  ['configure', 700],
];

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGKILL', 'SIGKILL'],
] as const;

describe.each(SIGNALS)('%s', (signal, code) => {
  it('leaves nothing behind at any moment, and the next build works', async () => {
    for (const [said, later] of MOMENTS) {
      await withDirectory(async (directory) => {
        const running = startBuild([PROFILE, '--output', directory, '--force']);
        if (said !== '') await running.said(`: ${said} `);
        await sleep(later);
        running.kill(signal);
        const outcome = await running.ended;
        const where = `${signal} ${String(later)} ms after "${said}":\n${outcome.stderr}`;
        expect([code, 0], where).toContain(outcome.code);
        let left = await settled(directory);
        // Who is killed while writing the image cannot remove what is aside; it is hidden, and the next build does.
        if (signal === 'SIGKILL' && left.length > 0 && left.every((name) => name.includes('.imgbuild-'))) {
          await build([PROFILE, '--output', directory]);
          left = await settled(directory);
        }
        expect(left, where).toEqual([]);
      });
    }
    await withDirectory(async (directory) => {
      expect(imageDigest(await build([PROFILE, '--output', directory]))).toBe(reference);
    });
  });
});
