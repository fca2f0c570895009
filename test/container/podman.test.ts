import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRecipe } from '../../src/host/recipe.js';
import { buildEnv, CACHE, imageDigest, type Built } from '../support/build.js';
import { PROFILE, reference } from '../support/caches.js';
import { CHECKOUT, imgbuild, runCommand } from '../support/cli.js';
import { testEngine } from '../support/engine-tests.js';
import { PODMAN } from '../support/engines.js';
import { makeUser, type TestUser } from '../support/user.js';

describe('podman', () => {
  testEngine('podman');
});

describe('podman without a service', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
    writeFileSync(path.join(dir, 'podman'), `#!/bin/sh\nexec ${PODMAN.join(' ')} "$@"\n`);
    chmodSync(path.join(dir, 'podman'), 0o755);
  });
  afterAll(() => {
    rmSync(dir, { recursive: true });
  });

  it('gets one for the run, which ends with it', async () => {
    const env = { ...buildEnv(), IMGBUILD_ENGINE: 'podman', PATH: `${dir}:${process.env['PATH'] ?? ''}`, TMPDIR: dir };
    const status = await imgbuild(['builder', 'status', '--json'], { env });
    expect(status.code, status.stderr).toBe(0);
    expect(JSON.parse(status.stdout)).toMatchObject({ engine: 'podman' });
    const services = await runCommand(['pgrep', '-f', `system service --time=0 unix://${dir}`]);
    expect(services.stdout).toBe('');
  });
});

describe('podman of an ordinary user', () => {
  const support = path.join(CHECKOUT, 'test/support');
  let user: TestUser;
  beforeAll(async () => {
    user = await makeUser('imgbuild-rootless');
  });
  afterAll(async () => {
    await user.remove();
  });

  it('makes the same image, owned by that user', async () => {
    const digest = imageDigest(await reference());
    // The builder that root's Podman has made, and packages that are there: what is left is what is new.
    const { image } = await readRecipe(CHECKOUT);
    const saved = await runCommand([...PODMAN, 'save', '--quiet', '--output', `${user.home}/builder.tar`, image]);
    expect(saved.code, saved.stderr).toBe(0);
    for (const part of ['debs', 'apt'])
      cpSync(path.join(CACHE, part), path.join(user.cache, part), { recursive: true });
    cpSync(path.join(support, 'podman.sh'), path.join(user.home, 'podman.sh'));
    await runCommand(['chown', '-R', `${user.name}:`, user.home]);
    const script = `
      ./podman.sh run "$HOME/podman" load --quiet --input builder.tar >&2
      CONTAINER_HOST=$(./podman.sh start "$HOME/podman")
      trap './podman.sh stop "$HOME/podman"' EXIT
      export CONTAINER_HOST IMGBUILD_ENGINE=podman IMGBUILD_CACHE_DIR="$HOME/cache"
      "$@"`;
    const build = [process.execPath, user.program, 'build', '--json', PROFILE, '--output', `${user.home}/obj`];
    const rootless = [path.join(support, 'rootless.sh'), user.name, user.home, 'sh', '-euc', script, 'sh', ...build];
    const outcome = await runCommand(rootless);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(imageDigest(JSON.parse(outcome.stdout) as Built)).toBe(digest);
    const owners = await runCommand(['find', `${user.home}/obj`, user.cache, '!', '-user', user.name]);
    expect(owners.stdout).toBe('');
  });
});
