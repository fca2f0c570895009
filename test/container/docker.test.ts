import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildEnv, imageDigest, withDirectory, type Built } from '../support/build.js';
import { PROFILE, reference, withCacheCopy } from '../support/caches.js';
import { CHECKOUT, imgbuild } from '../support/cli.js';
import { testEngine } from '../support/engine-tests.js';
import { startEngine, type TestEngine } from '../support/engines.js';

describe('docker', () => {
  testEngine('docker');
});

describe('docker without a launcher', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine('docker');
  });
  afterAll(async () => {
    await engine.stop();
  });

  it('`docker run --privileged IMAGE build` makes the same image', async () => {
    // The image holds the program as it was when the image was made.
    const made = await imgbuild(['builder', 'build'], { env: { ...buildEnv(), ...engine.env } });
    expect(made.code, made.stderr).toBe(0);
    const digest = imageDigest(await reference());
    await withDirectory(async (output) => {
      await withCacheCopy(['packages', 'configure'], async (cache) => {
        const mounts = ['-v', `${output}:/out`, '-v', `${cache}:/cache`, '-v', `${CHECKOUT}:/usr/lib/imgbuild:ro`];
        const outcome = await engine.docker(
          ...['run', '--rm', '--privileged', ...mounts, made.stdout.trim(), 'build', '--json', PROFILE],
        );
        expect(outcome.code, outcome.stderr).toBe(0);
        expect(outcome.stderr).toMatch(/packages +built/);
        expect(imageDigest(JSON.parse(outcome.stdout) as Built)).toBe(digest);
      });
    });
  });

  it('and tells what it lacks without privileges', async () => {
    const outcome = await engine.docker('run', '--rm', 'imgbuild-builder:latest', 'doctor');
    expect(outcome.code).toBe(3);
    expect(outcome.stdout).toMatch(/^fail {2}capabilities: missing: SYS_ADMIN/m);
  });
});
