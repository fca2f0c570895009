import { readFileSync, readlinkSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import type Dockerode from 'dockerode';
import { EXIT, UserError } from '../errors.js';
import { attachAll, splitStreams } from './attach.js';
import { eachLine } from './bootstrap.js';
import { statusOf, type Builder } from './image.js';
import { INSIDE } from './mounts.js';
import { CAPABILITIES, OPEN_FILES } from './privileges.js';
import { GRACE_MS, type Session } from './session.js';
import { attachTerminal } from './terminal.js';

type ImageBuilder = Extract<Builder, { kind: 'image' }>;

interface Exit {
  readonly StatusCode: number;
}

/** Labels by which our containers and their launchers are known. */
const LABEL = { build: 'imgbuild.build', launcher: 'imgbuild.launcher' } as const;

/** Runs a session in a container, which is gone afterwards whatever happens. */
export async function runContainer(builder: ImageBuilder, session: Session): Promise<number> {
  const { client } = builder.engine;
  const reaping = reapStale(client).catch(() => undefined);
  const container = await client.createContainer(containerOptions(builder, session));
  const unneeded = new AbortController();
  let started = false;
  try {
    const stream = await attachAll(container);
    const drained = deliver(container, stream, session);
    // Asked for before the start: a wait that comes later can find a container that is not there any more.
    const waiting = container.wait({ condition: 'next-exit', abortSignal: unneeded.signal }) as Promise<Exit>;
    waiting.catch(() => undefined);
    await container.start();
    started = true;
    if (session.input !== undefined) stream.write(session.input);
    else if (session.stream !== undefined) session.stream.input.pipe(stream, { end: false });
    else if (session.terminal !== true) stream.end();
    const disarm = stopOn(session.signal, container, stream);
    try {
      const [{ StatusCode }] = await Promise.all([waiting, drained]);
      session.signal?.throwIfAborted();
      return StatusCode;
    } finally {
      disarm();
      session.stream?.input.unpipe(stream);
      stream.end();
    }
  } catch (error) {
    session.signal?.throwIfAborted();
    throw started ? error : startFailed(error);
  } finally {
    unneeded.abort();
    await remove(container);
    await reaping;
  }
}

/** What the engine is asked for; exported for its test. */
export function containerOptions(builder: ImageBuilder, session: Session): Dockerode.ContainerCreateOptions {
  const [entry = '', ...command] = session.argv;
  const podman = builder.engine.name === 'podman';
  const { soft, hard } = OPEN_FILES;
  const ports = session.ports ?? [];
  const interactive = session.terminal === true;
  return {
    name: `imgbuild-${session.id}`,
    Image: builder.image,
    Entrypoint: [entry],
    Cmd: command,
    Env: Object.entries(session.env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: '/',
    // The same everywhere: what a maintainer script asks for must not tell where the image was built.
    Hostname: 'imgbuild',
    Labels: { [LABEL.build]: session.id, [LABEL.launcher]: launcherLabel() },
    Tty: interactive,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    // The end of our connection, however it comes, is the end of the builder's standard input.
    StdinOnce: true,
    ...(ports.length === 0
      ? {}
      : { ExposedPorts: Object.fromEntries(ports.map((port) => [`${String(port)}/tcp`, {}])) }),
    HostConfig: {
      AutoRemove: true,
      ReadonlyRootfs: true,
      Mounts: session.mounts.map(({ source, target, readonly }) => ({
        Type: 'bind',
        Source: source,
        Target: target,
        ReadOnly: readonly,
      })),
      Tmpfs: {
        '/tmp': 'rw,exec,mode=1777',
        '/run': 'rw,mode=755',
        '/var/tmp': 'rw,exec,mode=1777',
        // Everything is allowed there that a root filesystem holds: programs, setuid bits, device nodes.
        ...(session.workBytes === undefined
          ? {}
          : { [INSIDE.work]: `rw,exec,suid,dev,mode=755,size=${String(session.workBytes)}` }),
      },
      Ulimits: [{ Name: 'nofile', Soft: soft, Hard: hard }],
      ...(session.devices === undefined
        ? {}
        : {
            Devices: session.devices.map((device) => ({
              PathOnHost: device,
              PathInContainer: device,
              CgroupPermissions: 'rw',
            })),
          }),
      ...(ports.length === 0
        ? {}
        : {
            PortBindings: Object.fromEntries(
              ports.map((port) => [`${String(port)}/tcp`, [{ HostIp: '127.0.0.1', HostPort: String(port) }]]),
            ),
          }),
      ...(session.network === undefined ? {} : { NetworkMode: session.network }),
      ...(session.privileged === true ? { Privileged: true } : leastPrivilege(podman)),
    },
  };
}

function leastPrivilege(podman: boolean): Dockerode.HostConfig {
  return {
    CapDrop: ['ALL'],
    CapAdd: Object.keys(CAPABILITIES),
    SecurityOpt: [
      // Whoever is not root in the builder (apt's downloads) cannot become it.
      'no-new-privileges',
      // Docker's AppArmor profile forbids every mount.
      'apparmor=unconfined',
      // SELinux would forbid the mounted directories, which must not be relabelled: they are the user's.
      ...(podman ? ['label=disable'] : []),
    ],
  };
}

/** Splits what the container says into lines; resolves when it has said everything. */
function deliver(container: Dockerode.Container, stream: NodeJS.ReadWriteStream, session: Session): Promise<void> {
  const ended = new Promise<void>((resolve) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
    stream.once('error', () => {
      resolve();
    });
  });
  if (session.terminal === true) {
    const detach = attachTerminal(stream, async (rows, columns) => {
      await container.resize({ h: rows, w: columns });
    });
    return ended.finally(detach);
  }
  const [out, err] = [new PassThrough(), new PassThrough()];
  if (session.stream === undefined) eachLine(out, session.onOutput);
  else out.pipe(session.stream.output, { end: false });
  eachLine(err, session.onError);
  splitStreams(container, stream, out, err);
  return ended.then(async () => {
    const flushed = [out, err].map((side) => new Promise((resolve) => side.once('end', resolve)));
    out.end();
    err.end();
    await Promise.all(flushed);
  });
}

/** On abort, lets the builder unwind by ending its input, and kills it when it takes too long. */
function stopOn(
  signal: AbortSignal | undefined,
  container: Dockerode.Container,
  stream: NodeJS.ReadWriteStream,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    stream.end();
    container.kill({ signal: 'SIGTERM' }).catch(() => undefined);
    timer = setTimeout(() => {
      container.kill({ signal: 'SIGKILL' }).catch(() => undefined);
    }, GRACE_MS);
  };
  if (signal?.aborted === true) stop();
  else signal?.addEventListener('abort', stop, { once: true });
  return () => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  };
}

async function remove(container: Dockerode.Container): Promise<void> {
  try {
    await container.remove({ force: true, v: true });
  } catch (error) {
    // Gone already, or on its way: the engine removes it by itself when it has ended.
    if (![404, 409].includes(statusOf(error) ?? 0)) throw error;
  }
}

function startFailed(error: unknown): UserError {
  const message = error instanceof Error ? error.message : String(error);
  return new UserError(`The engine does not start the builder: ${message}`, {
    hint: 'imgbuild doctor tells what is missing; imgbuild builder build --rebuild makes the builder anew',
    exitCode: EXIT.environment,
    cause: error,
  });
}

/** Names this process so that another one can tell whether it is still there. */
function launcherLabel(): string {
  return [bootId(), pidNamespace(), process.pid, startTime(process.pid)].join(' ');
}

/** Removes containers whose launcher is gone: it was killed together with its engine's connection, or the machine was. */
async function reapStale(client: Dockerode): Promise<void> {
  const found = await client.listContainers({ all: true, filters: { label: [LABEL.launcher] } });
  const [boot, namespace] = [bootId(), pidNamespace()];
  for (const { Id, Labels } of found) {
    const [itsBoot, itsNamespace, pid, start] = (Labels[LABEL.launcher] ?? '').split(' ');
    // Of another machine that shares the engine, or of a container around another launcher, nothing can be known.
    if (itsBoot !== boot || itsNamespace !== namespace) continue;
    if (startTime(Number(pid)) !== start) await remove(client.getContainer(Id));
  }
}

function bootId(): string {
  return read('/proc/sys/kernel/random/boot_id');
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** When a process was started, in clock ticks since boot; '' when there is none. Ids of processes are used again. */
function startTime(pid: number): string {
  // The name of the program, in parentheses, may itself hold spaces and parentheses.
  return (
    read(`/proc/${String(pid)}/stat`)
      .replace(/^.*\)\s/s, '')
      .split(' ')[19] ?? ''
  );
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}
