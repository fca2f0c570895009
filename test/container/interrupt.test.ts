import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, buildEnv, imageDigest, leftovers, startBuild, withDirectory } from '../support/build.js';
import { forgetStages, PROFILE, reference, withCacheCopy } from '../support/caches.js';

let digest: string;
beforeAll(async () => {
  digest = imageDigest(await reference());
});

/** Waits until nothing is left, for as long as the kernel may take to end processes. */
async function settled(cache: string, output: string): Promise<string[]> {
  let left: string[] = [];
  for (let n = 0; n < 50; n++) {
    left = leftovers(cache, output);
    if (left.length === 0) return left;
    await sleep(200);
  }
  return left;
}

const STAGES = ['base', 'packages', 'configure'];

/** Moments of a build: the first stage that it has to make, what it says last before, and how much later the signal comes. */
const MOMENTS: readonly (readonly [string, string, number])[] = [
  ['base', '', 250],
  ['base', '', 600],
  ['base', 'archive', 200],
  ['base', 'archive', 1500],
  ['base', 'archive', 5000],
  ['packages', 'base', 500],
  ['packages', 'base', 3000],
  ['configure', 'packages', 300],
  ['configure', 'packages', 900],
  // While the image is being written.
  ['', 'configure', 30],
  ['', 'configure', 150],
  ['', 'configure', 400],
];

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGKILL', 'SIGKILL'],
] as const;

// At once, each with a cache of its own: they mostly wait.
describe.concurrent.each(SIGNALS)('%s', (signal, code) => {
  it('leaves nothing behind at any moment, and the next build works', async ({ expect: expectHere }) => {
    await withCacheCopy([], async (cache) => {
      for (const [first, said, later] of MOMENTS) {
        forgetStages(cache, first === '' ? [] : STAGES.slice(STAGES.indexOf(first)));
        await withDirectory(async (directory) => {
          const running = startBuild([PROFILE, '--output', directory], buildEnv(cache));
          if (said !== '') await running.said(`: ${said} `);
          await sleep(later);
          running.kill(signal);
          const outcome = await running.ended;
          const where = `${signal} ${String(later)} ms after "${said}":\n${outcome.stderr}`;
          // So early on a busy machine that the program does not yet handle signals: then it ends by the signal itself.
          const codes = [code, 0, ...(said === '' ? [signal] : [])];
          expectHere(codes, where).toContain(outcome.code);
          // A signal that comes too late finds an ordinary end.
          if (outcome.code === 0) checkWhole(directory);
          expectHere(await settled(cache, directory), where).toEqual([]);
        });
      }
      await withDirectory(async (directory) => {
        expectHere(imageDigest(await build([PROFILE, '--output', directory], buildEnv(cache)))).toBe(digest);
      });
    });
  });
});

function checkWhole(output: string): void {
  const link = path.join(output, PROFILE, `${PROFILE}_rootfs.tar.zst`);
  expect(execFileSync('sha256sum', [link], { encoding: 'utf8' })).toContain(digest);
  execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: path.join(output, PROFILE) });
}
