import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { DockerOptions } from 'dockerode';
import { UserError, EXIT } from '../errors.js';
import { nonEmpty } from './program.js';

/** A place where an engine may listen, and who says so. */
export interface Endpoint {
  /** `unix:///path`, `tcp://host:port`, `ssh://user@host`. */
  readonly url: string;
  readonly from: string;
  /** Directory with ca.pem, cert.pem and key.pem, for TLS. */
  readonly certificates?: string;
}

/** Path of the socket of a local endpoint; undefined for one that is reached over the network. */
export function socketPath(endpoint: Endpoint): string | undefined {
  return endpoint.url.startsWith('unix://') ? endpoint.url.slice('unix://'.length) : undefined;
}

/**
 * Where Docker may listen, in the order in which its own command line looks: what the environment says, the current
 * context, the system's socket, and then the socket of a rootless daemon. Who names a place gets no other.
 */
export async function dockerEndpoints(env: NodeJS.ProcessEnv): Promise<readonly Endpoint[]> {
  const { DOCKER_HOST, DOCKER_CERT_PATH, DOCKER_TLS_VERIFY } = env;
  if (nonEmpty(DOCKER_HOST)) {
    const tls = nonEmpty(DOCKER_TLS_VERIFY) && nonEmpty(DOCKER_CERT_PATH);
    return [{ url: DOCKER_HOST, from: 'DOCKER_HOST', ...(tls ? { certificates: DOCKER_CERT_PATH } : {}) }];
  }
  const context = await dockerContext(env);
  if (context !== undefined) return [context];
  return [
    { url: 'unix:///var/run/docker.sock', from: 'default socket' },
    ...runtimeSocket(env, 'docker.sock'),
    ...(nonEmpty(env['HOME'])
      ? [{ url: `unix://${env['HOME']}/.docker/run/docker.sock`, from: 'desktop socket' }]
      : []),
  ];
}

/** Where the service of Podman may listen: what the environment says, else the sockets of the system and the user. */
export function podmanEndpoints(env: NodeJS.ProcessEnv): readonly Endpoint[] {
  const { CONTAINER_HOST } = env;
  if (nonEmpty(CONTAINER_HOST)) return [{ url: CONTAINER_HOST, from: 'CONTAINER_HOST' }];
  return [
    { url: 'unix:///run/podman/podman.sock', from: 'system socket' },
    ...runtimeSocket(env, 'podman/podman.sock'),
  ];
}

function runtimeSocket(env: NodeJS.ProcessEnv, name: string): Endpoint[] {
  const { XDG_RUNTIME_DIR } = env;
  return nonEmpty(XDG_RUNTIME_DIR) ? [{ url: `unix://${XDG_RUNTIME_DIR}/${name}`, from: 'rootless socket' }] : [];
}

async function dockerContext(env: NodeJS.ProcessEnv): Promise<Endpoint | undefined> {
  const dir = nonEmpty(env['DOCKER_CONFIG']) ? env['DOCKER_CONFIG'] : path.join(env['HOME'] ?? '/root', '.docker');
  const asked = nonEmpty(env['DOCKER_CONTEXT']) ? env['DOCKER_CONTEXT'] : undefined;
  const config = await readJson<{ currentContext?: string }>(path.join(dir, 'config.json'));
  const name = asked ?? config?.currentContext;
  if (!nonEmpty(name) || name === 'default') return undefined;
  // Docker files contexts under the digest of their name.
  const id = createHash('sha256').update(name).digest('hex');
  const meta = await readJson<{ Endpoints?: { docker?: { Host?: string } } }>(
    path.join(dir, 'contexts/meta', id, 'meta.json'),
  );
  const url = meta?.Endpoints?.docker?.Host;
  if (!nonEmpty(url)) {
    throw new UserError(`The Docker context "${name}" does not exist or names no engine`, {
      hint: 'docker context ls shows the contexts; docker context use default returns to the local engine',
      exitCode: EXIT.environment,
    });
  }
  const certificates = path.join(dir, 'contexts/tls', id, 'docker');
  return { url, from: `Docker context "${name}"`, ...(url.startsWith('tcp:') ? { certificates } : {}) };
}

async function readJson<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch {
    // No file, or one that Docker itself would complain about: the default sockets decide.
    return undefined;
  }
}

/** What dockerode needs to know to reach an endpoint. */
export async function connection(endpoint: Endpoint): Promise<DockerOptions> {
  const socket = socketPath(endpoint);
  if (socket !== undefined) return { socketPath: socket };
  const url = new URL(endpoint.url.includes('://') ? endpoint.url : `tcp://${endpoint.url}`);
  if (url.protocol === 'ssh:') {
    const port = url.port === '' ? {} : { port: Number(url.port) };
    return { protocol: 'ssh', host: url.hostname, ...port, ...(url.username === '' ? {} : { username: url.username }) };
  }
  const at = { host: url.hostname, port: url.port === '' ? 2375 : Number(url.port) };
  if (endpoint.certificates === undefined) return { protocol: 'http', ...at };
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) =>
      readFile(path.join(endpoint.certificates ?? '', name), 'utf8').catch(() => undefined),
    ),
  );
  const files = {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  return { protocol: 'https', ...at, ...files };
}
