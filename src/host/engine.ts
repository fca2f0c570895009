import { existsSync } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import type Dockerode from 'dockerode';
import { EXIT, UserError } from '../errors.js';
import { probeEmbedded } from './embedded-probe.js';
import { podmanService } from './podman-service.js';
import { nonEmpty, type Host } from './program.js';
import { connection, dockerEndpoints, podmanEndpoints, socketPath, type Endpoint } from './sockets.js';
import { onPath } from './which.js';

/** Engines in the order in which they are tried. */
export const ENGINES = ['docker', 'podman', 'embedded'] as const;
export type EngineName = (typeof ENGINES)[number];

/** An engine with Docker's API. */
export interface ContainerEngine {
  readonly name: 'docker' | 'podman';
  readonly client: Dockerode;
  readonly endpoint: string;
  readonly version: string;
  /** Ends a service that was started for this run alone. */
  readonly close: () => Promise<void>;
}

/** No engine: the builder's root filesystem in private namespaces. */
export interface EmbeddedEngine {
  readonly name: 'embedded';
  readonly version: string;
  /** Whether it runs as root of the system, or as root of a user namespace. */
  readonly asRoot: boolean;
  readonly close: () => Promise<void>;
}

export type Engine = ContainerEngine | EmbeddedEngine;

/** What was found out about one engine. */
export interface EngineFinding {
  readonly name: EngineName;
  readonly state: 'ready' | 'absent' | 'stopped' | 'denied' | 'unusable';
  readonly detail: string;
  /** The command that mends it. */
  readonly fix?: string;
}

export type EngineProbe = EngineFinding & { readonly engine?: Engine };

/** How long an engine may take to answer the first question. */
const ANSWER_SECONDS = 10;

/** Reads `--engine` or IMGBUILD_ENGINE; undefined means the first that works. */
export function engineName(text: string | undefined): EngineName | undefined {
  if (!nonEmpty(text) || text === 'auto') return undefined;
  const name = ENGINES.find((engine) => engine === text);
  if (name === undefined)
    throw new UserError(`Unknown engine "${text}"`, { hint: `one of ${ENGINES.join(', ')}, auto` });
  return name;
}

/**
 * Finds the engine that was asked for, or the first of docker, podman and embedded that works.
 *
 * @returns the engine, which the caller closes in every case, and those before it that are there but do not work.
 * @throws UserError with exit code 3 that says for each engine what is wrong and what mends it.
 */
export async function findEngine(host: Host, asked: EngineName | undefined): Promise<FoundEngine> {
  return await findAmong(host, asked === undefined ? ENGINES : [asked]);
}

interface FoundEngine {
  readonly engine: Engine;
  readonly passedOver: readonly EngineFinding[];
}

/** As `findEngine`, among a few names, of which there is at least one. */
export async function findAmong(host: Host, names: readonly EngineName[]): Promise<FoundEngine> {
  const failed: EngineFinding[] = [];
  for (const name of names) {
    const { engine, ...finding } = await probeEngine(host, name);
    if (engine !== undefined) return { engine, passedOver: failed.filter(({ state }) => state !== 'absent') };
    failed.push(finding);
  }
  throw noEngine(failed);
}

function noEngine(failed: readonly EngineFinding[]): UserError {
  const [only] = failed;
  if (only !== undefined && failed.length === 1) {
    return new UserError(only.detail, {
      exitCode: EXIT.environment,
      ...(only.fix === undefined ? {} : { hint: only.fix }),
    });
  }
  const found = failed.map(({ name, detail, fix }) => `  ${name}: ${detail}${fix === undefined ? '' : `\n    ${fix}`}`);
  return new UserError(`No engine to build with:\n${found.join('\n')}`, {
    hint: 'any one of these commands is enough; --setup does the last by itself',
    exitCode: EXIT.environment,
  });
}

/** Finds out whether one engine can be used, and connects to it. */
export async function probeEngine(host: Host, name: EngineName): Promise<EngineProbe> {
  switch (name) {
    case 'docker':
      return await probeDocker(host.env);
    case 'podman':
      return await probePodman(host.env);
    case 'embedded':
      return await probeEmbedded(host);
  }
}

/** By systemd where it is what runs, by sd_booted(3). */
function startDocker(): string {
  return existsSync('/run/systemd/system') ? 'sudo systemctl start docker' : 'sudo service docker start';
}

async function probeDocker(env: NodeJS.ProcessEnv): Promise<EngineProbe> {
  const probe = await firstReady('docker', await dockerEndpoints(env));
  if (probe.state !== 'absent' || nonEmpty(env['DOCKER_HOST'])) return probe;
  if (await onPath('dockerd', env)) {
    return {
      name: 'docker',
      state: 'stopped',
      detail: 'Docker is installed but its daemon is not running',
      fix: startDocker(),
    };
  }
  return { ...probe, detail: 'Docker is not installed', fix: 'sudo apt-get install docker.io' };
}

async function probePodman(env: NodeJS.ProcessEnv): Promise<EngineProbe> {
  const named = nonEmpty(env['CONTAINER_HOST']);
  const probe = await firstReady('podman', podmanEndpoints(env));
  if (probe.state === 'ready' || named) return probe;
  // A socket of the system that this user may not open does not matter: Podman serves each user without a daemon.
  if (!(await onPath('podman', env))) {
    return { name: 'podman', state: 'absent', detail: 'Podman is not installed', fix: 'sudo apt-get install podman' };
  }
  try {
    const service = await podmanService(env);
    const own = await connect('podman', { url: `unix://${service.socket}`, from: 'own service' }, service.stop);
    if (own.state !== 'ready') await service.stop();
    return own;
  } catch (error) {
    return { name: 'podman', state: 'unusable', detail: messageOf(error), fix: 'podman info' };
  }
}

async function firstReady(name: 'docker' | 'podman', endpoints: readonly Endpoint[]): Promise<EngineProbe> {
  let worst: EngineProbe = { name, state: 'absent', detail: `${name}: no socket` };
  for (const endpoint of endpoints) {
    const probe = await connect(name, endpoint);
    if (probe.state === 'ready') return probe;
    if (worst.state === 'absent') worst = probe;
  }
  return worst;
}

async function connect(
  name: 'docker' | 'podman',
  endpoint: Endpoint,
  close: () => Promise<void> = () => Promise.resolve(),
): Promise<EngineProbe> {
  const place = `${endpoint.url} (${endpoint.from})`;
  try {
    const socket = socketPath(endpoint);
    if (socket !== undefined) await access(socket, constants.R_OK | constants.W_OK);
    // dockerode takes a fifth of a second to load: only once there is something to talk to.
    const { default: Client } = await import('dockerode');
    const client = new Client(await connection(endpoint));
    const { kind, version } = await answered(whoAnswers(client), place);
    const engine = { name: kind, client, endpoint: endpoint.url, version, close } as const;
    return { name, state: 'ready', detail: `${kind} ${version} at ${place}`, engine };
  } catch (error) {
    return explain(name, place, error);
  }
}

/**
 * Asks who listens, and its version: `Docker/20.10.24 (linux)` or `Libpod/4.3.1 (linux)`, for Podman also answers at Docker's
 * socket where the package podman-docker is installed. Not by `version`, over which Podman takes most of a second.
 */
function whoAnswers(client: Dockerode): Promise<{ readonly kind: ContainerEngine['name']; readonly version: string }> {
  const request = { path: '/_ping', method: 'GET', isStream: true, statusCodes: { 200: true } };
  return new Promise((resolve, reject) => {
    client.modem.dial(request, (error, answer) => {
      if (error instanceof Error) {
        reject(error);
        return;
      }
      // A stream, as asked for, is the whole answer with its headers.
      const response = answer as IncomingMessage;
      response.resume();
      const [, server = '', version = ''] = /^(\w+)\/(\S+)/.exec(String(response.headers['server'])) ?? [];
      resolve({ kind: server === 'Libpod' ? 'podman' : 'docker', version });
    });
  });
}

async function answered<T>(answer: Promise<T>, place: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`no answer from ${place} within ${String(ANSWER_SECONDS)} s`));
    }, ANSWER_SECONDS * 1000);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

function explain(name: 'docker' | 'podman', place: string, error: unknown): EngineProbe {
  const title = name === 'docker' ? 'Docker' : 'Podman';
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
      return { name, state: 'absent', detail: `${title}: there is no socket ${place}`, fix: `${name} info` };
    case 'EACCES':
    case 'EPERM':
      return {
        name,
        state: 'denied',
        detail: `${title} is running, but this user may not use ${place}`,
        fix:
          name === 'docker'
            ? 'sudo usermod -aG docker "$USER", then log in again (members of that group can become root)'
            : 'systemctl --user enable --now podman.socket',
      };
    case 'ECONNREFUSED':
      return {
        name,
        state: 'stopped',
        detail: `${title} does not listen at ${place}`,
        fix: name === 'docker' ? startDocker() : 'systemctl --user start podman.socket',
      };
    default:
      return { name, state: 'unusable', detail: `${title} at ${place}: ${messageOf(error)}`, fix: `${name} info` };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
