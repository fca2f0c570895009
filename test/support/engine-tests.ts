import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { build, buildEnv, imageDigest, startBuild, withDirectory } from './build.js';
import { PROFILE, reference } from './caches.js';
import { imgbuild, runCommand } from './cli.js';
import { startEngine, type TestEngine } from './engines.js';
import { buildForeign, FOREIGN } from './foreign.js';

/** What has to hold with an engine that speaks Docker's API; to be called in a `describe`. */
export function testEngine(name: TestEngine['name']): void {
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
    const digest = imageDigest(await reference());
    await withDirectory(async (output) => {
      expect(imageDigest(await build([PROFILE, '--output', output, '--force'], engine.env))).toBe(digest);
    });
    expect(await containers()).toBe('');
  });

  it('runs programs of another architecture with the least privileges', async () => {
    await withDirectory(async (directory) => {
      const { profile } = await buildForeign(directory);
      const looked = await imgbuild(['shell', profile, '--', 'uname', '-m'], { env: env() });
      expect(looked.code, looked.stderr).toBe(0);
      expect(looked.stdout.trim()).toBe(FOREIGN.machine);
    });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
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
}
