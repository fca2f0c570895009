import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CommandError, EXIT, UserError } from '../../src/errors.js';
import { engineName, findEngine, probeEngine, type Engine, type EngineName } from '../../src/host/engine.js';
import { containerOptions } from '../../src/host/launch-container.js';
import { CAPABILITIES } from '../../src/host/privileges.js';
import type { Builder } from '../../src/host/image.js';
import { hostOf } from '../../src/host/program.js';
import { readyEngine } from '../../src/host/ready.js';
import type { Session } from '../../src/host/session.js';
import { connection, dockerEndpoints, podmanEndpoints } from '../../src/host/sockets.js';
import { CHECKOUT } from '../support/cli.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true });
});

const urls = async (env: NodeJS.ProcessEnv): Promise<string[]> => (await dockerEndpoints(env)).map(({ url }) => url);

describe('where Docker is looked for', () => {
  it('is where DOCKER_HOST says, and nowhere else', async () => {
    expect(await urls({ DOCKER_HOST: 'tcp://h:1', HOME: dir })).toEqual(['tcp://h:1']);
  });

  it('is the system socket, then those of the user', async () => {
    expect(await urls({ HOME: dir, XDG_RUNTIME_DIR: '/run/user/7' })).toEqual([
      'unix:///var/run/docker.sock',
      'unix:///run/user/7/docker.sock',
      `unix://${dir}/.docker/run/docker.sock`,
    ]);
  });

  it('is the current context, which DOCKER_CONTEXT overrides', async () => {
    writeContext('one', 'unix:///one.sock');
    writeContext('two', 'tcp://two:2376');
    writeFileSync(path.join(dir, '.docker/config.json'), '{"currentContext": "one"}');
    expect(await urls({ HOME: dir })).toEqual(['unix:///one.sock']);
    expect(await urls({ HOME: dir, DOCKER_CONTEXT: 'two' })).toEqual(['tcp://two:2376']);
    await expect(urls({ HOME: dir, DOCKER_CONTEXT: 'three' })).rejects.toThrow('"three"');
  });

  function writeContext(name: string, host: string): void {
    const meta = path.join(dir, '.docker/contexts/meta', createHash('sha256').update(name).digest('hex'));
    mkdirSync(meta, { recursive: true });
    writeFileSync(path.join(meta, 'meta.json'), JSON.stringify({ Name: name, Endpoints: { docker: { Host: host } } }));
  }
});

it('Podman is looked for where CONTAINER_HOST says, else at the sockets of system and user', () => {
  expect(podmanEndpoints({ CONTAINER_HOST: 'unix:///p' }).map(({ url }) => url)).toEqual(['unix:///p']);
  expect(podmanEndpoints({ XDG_RUNTIME_DIR: '/r' }).map(({ url }) => url)).toEqual([
    'unix:///run/podman/podman.sock',
    'unix:///r/podman/podman.sock',
  ]);
});

it.each([
  ['unix:///a/b.sock', { socketPath: '/a/b.sock' }],
  ['tcp://h:2375', { protocol: 'http', host: 'h', port: 2375 }],
  ['ssh://me@h:22', { protocol: 'ssh', host: 'h', port: 22, username: 'me' }],
])('%s is connected to', async (url, expected) => {
  expect(await connection({ url, from: 'test' })).toEqual(expected);
});

describe('--engine', () => {
  it('knows three names, and auto', () => {
    expect(engineName('podman')).toBe('podman');
    expect([undefined, '', 'auto'].map(engineName)).toEqual([undefined, undefined, undefined]);
    expect(() => engineName('lxc')).toThrow('"lxc"');
  });
});

describe('an engine that cannot be used', () => {
  const host = (env: NodeJS.ProcessEnv) => hostOf(CHECKOUT, path.join(dir, 'cache'), { HOME: dir, ...env });

  it('is stopped when nothing listens at its socket', async () => {
    const socket = path.join(dir, 's');
    // To the kernel, a file that nobody listens at is the same as a socket that a dead daemon has left.
    writeFileSync(socket, '');
    const probe = await probeEngine(host({ DOCKER_HOST: `unix://${socket}` }), 'docker');
    expect(probe).toMatchObject({
      state: 'stopped',
      fix: expect.stringMatching(/^sudo (systemctl start docker|service docker start)$/) as unknown,
    });
  });

  it('is not installed when there is neither socket nor program: exit code 3, and the command that installs it', async () => {
    const env = { PATH: dir, CONTAINER_HOST: '' };
    const error: unknown = await findEngine(host(env), 'podman').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ exitCode: EXIT.environment, hint: 'sudo apt-get install podman' });
  });
});

describe('an engine that answers and cannot make its builder', () => {
  const builder: Builder = { kind: 'root', root: '/r', asRoot: true, digest: 'd' };
  const servers: Server[] = [];
  beforeEach(async () => {
    // Enough of both to be found.
    for (const [name, says] of Object.entries({ docker: 'Docker/27.1 (linux)', podman: 'Libpod/5.4.2 (linux)' })) {
      const server = createServer((_, response) => response.setHeader('Server', says).end('OK'));
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(path.join(dir, `${name}.sock`), resolve));
    }
  });
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });
  const failure = (name: string): CommandError =>
    new CommandError({ doing: `making the builder with ${name}`, argv: [name], exit: 'exit status 1', tail: '' });
  const ready = async (
    asked: EngineName | undefined,
    unable: readonly string[],
    warnings: string[] = [],
    env: NodeJS.ProcessEnv = { CONTAINER_HOST: `unix://${dir}/podman.sock` },
  ) => {
    const make = (engine: Engine): Promise<Builder> =>
      unable.includes(engine.name) ? Promise.reject(failure(engine.name)) : Promise.resolve(builder);
    const host = hostOf(CHECKOUT, path.join(dir, 'cache'), {
      HOME: dir,
      DOCKER_HOST: `unix://${dir}/docker.sock`,
      ...env,
    });
    return await readyEngine(host, asked, make, (text) => warnings.push(text));
  };

  it('is passed over with a warning', async () => {
    const warnings: string[] = [];
    const { engine } = await ready(undefined, ['docker'], warnings);
    expect(engine.name).toBe('podman');
    expect(warnings).toEqual([expect.stringContaining('docker is passed over: making the builder with docker')]);
  });

  it('is an error when it was asked for', async () => {
    await expect(ready('docker', ['docker'])).rejects.toThrow('making the builder with docker');
  });

  it('says more than that the others are not installed', async () => {
    const none = ['docker', 'podman', 'embedded'];
    await expect(ready(undefined, none)).rejects.toThrow('making the builder with docker');
    await expect(ready(undefined, none, [], { PATH: '/nonexistent' })).rejects.toThrow(
      'making the builder with docker',
    );
  });
});

describe('a container', () => {
  const session: Session = {
    id: 'id',
    argv: ['node', 'cli.js', 'execute'],
    mounts: [{ source: '/a', target: '/b', readonly: true }],
    env: { A: 'b' },
    workBytes: 4096,
    onOutput: () => undefined,
    onError: () => undefined,
  };
  const options = (name: 'docker' | 'podman', more: Partial<Session> = {}) => {
    const engine = { name } as Parameters<typeof containerOptions>[0]['engine'];
    return containerOptions({ kind: 'image', engine, image: 'i', digest: 'd' }, { ...session, ...more }).HostConfig;
  };

  it('gets the ten capabilities and nothing else', () => {
    const config = options('docker');
    expect(config?.CapDrop).toEqual(['ALL']);
    expect(config?.CapAdd).toEqual(Object.keys(CAPABILITIES));
    expect(config?.SecurityOpt).toEqual(['no-new-privileges', 'apparmor=unconfined']);
    expect(config?.Privileged).toBeUndefined();
    expect(config?.ReadonlyRootfs).toBe(true);
    expect(options('podman')?.SecurityOpt).toContain('label=disable');
  });

  it('is privileged only when asked for', () => {
    const config = options('docker', { privileged: true });
    expect(config?.Privileged).toBe(true);
    expect(config?.CapAdd).toBeUndefined();
  });

  it('has a tmpfs to work in that may hold programs, setuid bits and nodes', () => {
    expect(options('docker')?.Tmpfs?.['/work']).toBe('rw,exec,suid,dev,mode=755,size=4096');
  });
});
