import { chmodSync, chownSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withBuildContext } from '../../src/host/context.js';
import { hostOf } from '../../src/host/program.js';
import { build, buildEnv, CACHE, imageDigest, startBuild, withDirectory } from '../support/build.js';
import { CHECKOUT, imgbuild, runCommand } from '../support/cli.js';
import { podmanScript, startEngine, type TestEngine } from '../support/engines.js';

const PROFILE = 'deb12-amd64-lxc';
let reference: string;

/** What the embedded engine makes as root: all others must make the same. */
beforeAll(async () => {
  await withDirectory(async (output) => {
    reference = imageDigest(await build([PROFILE, '--output', output]));
  });
});

describe.each(['docker', 'podman'] as const)('%s', (name) => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine(name);
  });
  afterAll(async () => {
    await engine.stop();
  });
  const env = () => ({ ...buildEnv(), ...engine.env });
  const containers = async () =>
    (await engine.docker('ps', '-aq', '--filter', 'label=imgbuild.launcher')).stdout.trim();

  async function gone(): Promise<string> {
    let left = await containers();
    for (let n = 0; n < 100 && left !== ''; n++) {
      await sleep(100);
      left = await containers();
    }
    return left;
  }

  it('has the builder made by one command, without a registry', async () => {
    const made = await imgbuild(['builder', 'build'], { env: env() });
    expect(made.code, made.stderr).toBe(0);
    expect(made.stdout).toMatch(/^imgbuild-builder:[0-9a-f]{12}\n$/);
    const again = await imgbuild(['builder', 'build'], { env: env() });
    expect(again).toMatchObject({ code: 0, stdout: made.stdout, stderr: '' });
    const status = await imgbuild(['builder', 'status', '--json'], { env: env() });
    const { builders } = JSON.parse(status.stdout) as { builders: { state: string }[] };
    expect(builders.some(({ state }) => state === 'current')).toBe(true);
  });

  it('makes the same image with the least privileges as the embedded engine', async () => {
    await withDirectory(async (output) => {
      expect(imageDigest(await build([PROFILE, '--output', output, '--force'], engine.env))).toBe(reference);
    });
    expect(await containers()).toBe('');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGKILL', 'SIGKILL'],
  ] as const)('removes the container after %s', async (signal, code) => {
    await withDirectory(async (output) => {
      const running = startBuild([PROFILE, '--output', output, '--force'], engine.env);
      await running.said(': archive ');
      expect(await containers()).not.toBe('');
      running.kill(signal);
      expect((await running.ended).code).toBe(code);
      expect(await gone()).toBe('');
    });
  });

  it('removes the container of a launcher that died with the connection', async () => {
    // A builder that does not notice: what a machine that slept, or a stopped daemon, leaves behind.
    const label = (pid: string) =>
      runCommand(['sh', '-c', `echo "$(cat /proc/sys/kernel/random/boot_id) $(readlink /proc/self/ns/pid) ${pid}"`]);
    const dead = (await label('4194304 1')).stdout.trim();
    const created = await engine.docker(
      ...['create', '--label', `imgbuild.launcher=${dead}`, 'imgbuild-builder:latest', 'sh', '-c', 'sleep 600'],
    );
    expect(created.code, created.stderr).toBe(0);
    await withDirectory(async (output) => {
      await build([PROFILE, '--output', output], engine.env);
    });
    expect(await containers()).toBe('');
  });
});

describe('without a launcher', () => {
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
    await withDirectory(async (output) => {
      const mounts = ['-v', `${output}:/out`, '-v', `${CACHE}:/cache`, '-v', `${CHECKOUT}:/usr/lib/imgbuild:ro`];
      const run = ['run', '--rm', '--privileged', ...mounts, made.stdout.trim(), 'build', '--json', '--force', PROFILE];
      const outcome = await engine.docker(...run);
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(imageDigest(JSON.parse(outcome.stdout) as Parameters<typeof imageDigest>[0])).toBe(reference);
    });
  });

  it('and tells what it lacks without privileges', async () => {
    const outcome = await engine.docker('run', '--rm', 'imgbuild-builder:latest', 'doctor');
    expect(outcome.code).toBe(3);
    expect(outcome.stdout).toMatch(/^fail {2}capabilities: missing: SYS_ADMIN/m);
  });
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
    const outcome = await asUser(['build', '--json', PROFILE, '--output', `${home}/obj`]);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(imageDigest(JSON.parse(outcome.stdout) as Parameters<typeof imageDigest>[0])).toBe(reference);
    const owners = await runCommand(['find', `${home}/obj`, '!', '-user', user]);
    expect(owners.stdout).toBe('');
  });
});
