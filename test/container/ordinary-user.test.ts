import { chmodSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageDigest, withDirectory, type Built } from '../support/build.js';
import { PROFILE, reference } from '../support/caches.js';
import { runCommand } from '../support/cli.js';
import { buildForeign } from '../support/foreign.js';
import { makeUser, type TestUser } from '../support/user.js';

describe('embedded, as an ordinary user', () => {
  let user: TestUser;
  beforeAll(async () => {
    user = await makeUser('imgbuild-test');
  });
  afterAll(async () => {
    await asUser(['builder', 'rm']);
    await user.remove();
  });

  function asUser(args: readonly string[]) {
    const env = ['IMGBUILD_ENGINE=embedded', `IMGBUILD_CACHE_DIR=${user.cache}`, `HOME=${user.home}`];
    const program = [process.execPath, user.program, ...args];
    return runCommand(['runuser', '-u', user.name, '--', 'env', ...env, ...program], { cwd: '/' });
  }

  it('makes the same image, owned by that user', async () => {
    const digest = imageDigest(await reference());
    const outcome = await asUser(['build', '--json', PROFILE, '--output', `${user.home}/obj`]);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(imageDigest(JSON.parse(outcome.stdout) as Built)).toBe(digest);
    const owners = await runCommand(['find', `${user.home}/obj`, '!', '-user', user.name]);
    expect(owners.stdout).toBe('');
  });

  it('runs programs of another architecture', async () => {
    await withDirectory(async (directory) => {
      const { built } = await buildForeign(directory);
      chmodSync(directory, 0o755);
      const own = ['build', '--json', path.join(directory, 'foreign.yaml'), '--output', `${user.home}/obj`];
      const outcome = await asUser(own);
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(imageDigest(JSON.parse(outcome.stdout) as Built)).toBe(imageDigest(built));
    });
  });

  it('is told at once that a plain directory needs root', async () => {
    const { code, stderr } = await asUser(['build', PROFILE, '--format', 'dir', '--output', `${user.home}/obj`]);
    expect(code, stderr).toBe(3);
    expect(stderr).toContain('needs owners that only root can set');
    expect(stderr).toContain('take tar.zst instead');
  });
});
