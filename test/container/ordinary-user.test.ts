import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withBuildContext } from '../../src/host/context.js';
import { hostOf } from '../../src/host/program.js';
import { CACHE, imageDigest, type Built } from '../support/build.js';
import { PROFILE, reference } from '../support/caches.js';
import { CHECKOUT, runCommand } from '../support/cli.js';

describe('embedded, as an ordinary user', () => {
  const user = 'imgbuild-test';
  let home: string;
  beforeAll(async () => {
    home = mkdtempSync(path.join(tmpdir(), 'imgbuild-home-'));
    await runCommand(['useradd', '--no-create-home', '--home-dir', home, '--shell', '/bin/sh', user]);
    const { stdout } = await runCommand(['id', '-u', user]);
    chownSync(home, Number(stdout), Number(stdout));
    // The checkout may lie where this user may not go. What the image is given is all that the program needs.
    await withBuildContext(hostOf(CHECKOUT, CACHE).program, (context) => {
      cpSync(context, path.join(home, 'program'), { recursive: true });
      chmodSync(path.join(home, 'program'), 0o755);
      return Promise.resolve();
    });
    mkdirSync(path.join(home, 'cache'));
    chownSync(path.join(home, 'cache'), Number(stdout), Number(stdout));
  });
  afterAll(async () => {
    await asUser(['builder', 'rm']);
    await runCommand(['userdel', user]);
    rmSync(home, { recursive: true });
  });

  function asUser(args: readonly string[]) {
    const env = ['IMGBUILD_ENGINE=embedded', `IMGBUILD_CACHE_DIR=${home}/cache`, `HOME=${home}`];
    const program = [process.execPath, `${home}/program/dist/cli.js`, ...args];
    return runCommand(['runuser', '-u', user, '--', 'env', ...env, ...program], { cwd: '/' });
  }

  it('makes the same image, owned by that user', async () => {
    const digest = imageDigest(await reference());
    const outcome = await asUser(['build', '--json', PROFILE, '--output', `${home}/obj`]);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(imageDigest(JSON.parse(outcome.stdout) as Built)).toBe(digest);
    const owners = await runCommand(['find', `${home}/obj`, '!', '-user', user]);
    expect(owners.stdout).toBe('');
  });
});
