import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildEnv, imageDigest, withDirectory, type Built } from '../support/build.js';
import { PROFILE, reference, storedPackage, withCacheCopy } from '../support/caches.js';
import { CHECKOUT, imgbuild, runCommand } from '../support/cli.js';
import { testEngine } from '../support/engine-tests.js';
import { startEngine, type TestEngine } from '../support/engines.js';
import { startRegistry, type Registry } from '../support/registry.js';

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

describe('docker with a builder from a registry', () => {
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine('docker');
  });
  afterAll(async () => {
    await engine.stop();
  });

  /** An image that is only in the registry: the builder, and a label of its own, without which nothing would be fetched. */
  async function publish(directory: string): Promise<Registry> {
    const made = await imgbuild(['builder', 'build'], { env: { ...buildEnv(), ...engine.env } });
    expect(made.code, made.stderr).toBe(0);
    const name = `imgbuild-test:${String(process.pid)}`;
    const container = (await engine.docker('create', made.stdout.trim())).stdout.trim();
    try {
      const label = `LABEL imgbuild.test=${String(Date.now())}`;
      const committed = await engine.docker('commit', '--change', label, container, name);
      expect(committed.code, committed.stderr).toBe(0);
      return await startRegistry(engine, name, directory);
    } finally {
      await engine.docker('rm', container);
      await engine.docker('rmi', name);
    }
  }

  it('pulls it once, makes the same image, and says when the registry is out of reach', async () => {
    const digest = imageDigest(await reference());
    await withDirectory(async (directory) => {
      const registry = await publish(directory);
      const env = { ...buildEnv(), ...engine.env, IMGBUILD_IMAGE: registry.image };
      const builder = () => imgbuild(['builder', 'build'], { env });
      try {
        await withCacheCopy(['configure'], async (cache) => {
          const args = ['build', '--json', PROFILE, '--output', path.join(directory, 'out')];
          const outcome = await imgbuild(args, { env: { ...env, IMGBUILD_CACHE_DIR: cache } });
          expect(outcome.code, outcome.stderr).toBe(0);
          expect(outcome.stderr).toContain(`pulling ${registry.image}`);
          expect(outcome.stderr).toMatch(/configure +built/);
          expect(imageDigest(JSON.parse(outcome.stdout) as Built)).toBe(digest);
        });
        expect(registry.asked).toEqual(expect.arrayContaining([expect.stringContaining('/blobs/sha256:')]));
        const before = registry.asked.length;
        expect(await builder()).toMatchObject({ code: 0, stdout: `${registry.image}\n` });
        expect(registry.asked.length).toBe(before);
      } finally {
        await registry.close();
        await engine.docker('rmi', registry.image);
      }
      const refused = await builder();
      expect(refused).toMatchObject({ code: 3, stdout: '' });
      expect(refused.stderr).toContain(`The builder image ${registry.image} is not here and cannot be pulled: `);
      expect(refused.stderr).toContain('hint: unset IMGBUILD_IMAGE');
    });
  });
});

describe('compose.yaml', () => {
  const project = `imgbuild-test-${String(process.pid)}`;
  let engine: TestEngine;
  beforeAll(async () => {
    engine = await startEngine('docker');
  });
  afterAll(async () => {
    await engine.stop();
  });
  const compose = (files: readonly string[], ...args: string[]) => {
    const options = ['--project-name', project, ...files.flatMap((file) => ['--file', file])];
    return runCommand(['docker-compose', ...options, ...args], { env: engine.env });
  };

  it('is what Compose takes', async () => {
    const outcome = await compose([`${CHECKOUT}/compose.yaml`], '--profile', 'builder', 'config', '--quiet');
    expect(outcome, outcome.stderr).toMatchObject({ code: 0, stdout: '' });
  });

  it('builds the same image, with packages from its own proxy', async () => {
    const made = await imgbuild(['builder', 'build'], { env: { ...buildEnv(), ...engine.env } });
    expect(made.code, made.stderr).toBe(0);
    const first = await reference();
    await withDirectory(async (directory) => {
      await withCacheCopy(['packages', 'configure'], async (cache) => {
        rmSync(storedPackage(first, cache, 'sudo'));
        // The common cache, and the program as it is now: the image may hold an earlier one.
        const volumes = [`${directory}/obj:/out`, `${cache}:/cache`, `${CHECKOUT}:/usr/lib/imgbuild:ro`];
        const ours = path.join(directory, 'ours.json');
        writeFileSync(ours, JSON.stringify({ version: '3.9', services: { builder: { volumes } } }));
        mkdirSync(path.join(directory, 'obj'));
        const files = [`${CHECKOUT}/compose.yaml`, ours];
        try {
          const build = ['build', '--json', '--apt-proxy', 'http://apt-cacher-ng:3142', PROFILE];
          const outcome = await compose(files, 'run', '--rm', '-T', 'builder', ...build);
          expect(outcome.code, outcome.stderr).toBe(0);
          expect(imageDigest(JSON.parse(outcome.stdout) as Built)).toBe(imageDigest(first));
          const find = ['find', '/var/cache/apt-cacher-ng', '-name', 'sudo_*.deb'];
          const proxied = await compose(files, 'exec', '-T', 'apt-cacher-ng', ...find);
          expect(proxied.stdout, proxied.stderr).toContain('sudo_');
        } finally {
          await compose(files, 'down', '--volumes');
        }
      });
    });
  });
});
