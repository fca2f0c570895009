import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildEnv } from '../support/build.js';
import { imgbuild, runCommand } from '../support/cli.js';
import { testEngine } from '../support/engine-tests.js';
import { podmanScript } from '../support/engines.js';

describe('podman', () => {
  testEngine('podman');
});

describe('podman without a service', () => {
  let dir: string;
  beforeAll(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
    writeFileSync(path.join(dir, 'podman'), `#!/bin/sh\n${podmanScript()}\n`);
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
