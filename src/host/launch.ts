import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import type { BuildEvent, BuildRequest } from '../exec/types.js';
import { runContainer } from './launch-container.js';
import { runEmbedded } from './launch-embedded.js';
import type { Builder } from './image.js';
import { builderArgv, INSIDE, programMounts, type Mount } from './mounts.js';
import { nonEmpty, type Host } from './program.js';
import type { LaunchOptions, Session } from './session.js';

export type { LaunchOptions } from './session.js';

/** Passed on to the builder from the environment of the launcher. */
const PASSED_ON = ['http_proxy', 'https_proxy', 'ftp_proxy', 'no_proxy', 'SOURCE_DATE_EPOCH'];

/**
 * Runs one build request in the builder and passes on what it reports.
 *
 * The request is one line on the builder's standard input; events are lines on its standard output; lines on its
 * standard error are logs. When this process ends in whatever way, the builder ends too.
 *
 * @param mounts what the request's paths lie in; the program, the work directory and nothing else are added.
 * @returns the exit status of the builder.
 * @throws the reason of `options.signal` when it was aborted.
 */
export async function launch(
  host: Host,
  request: BuildRequest,
  mounts: readonly Mount[],
  options: LaunchOptions,
  onEvent: (event: BuildEvent) => void,
): Promise<number> {
  const onLine = (line: string): void => {
    const event = parseEvent(line);
    if (event !== undefined) onEvent(event);
  };
  const onError = (text: string): void => {
    onEvent({ type: 'log', level: 'info', text });
  };
  return await runBuilder(host, ['execute'], mounts, options, {
    // One line: the builder must know where the request ends while standard input stays open.
    input: `${JSON.stringify(request)}\n`,
    onOutput: onLine,
    onError,
  });
}

/** Runs a verb of the program in the builder. */
export async function runBuilder(
  host: Host,
  argv: readonly string[],
  mounts: readonly Mount[],
  options: LaunchOptions,
  io: Pick<Session, 'input' | 'terminal' | 'onOutput' | 'onError'>,
): Promise<number> {
  const { builder, work, ...rest } = options;
  options.signal?.throwIfAborted();
  const id = randomBytes(6).toString('hex');
  const workDir = work.kind === 'disk' ? path.join(work.dir, id) : undefined;
  if (workDir !== undefined) await mkdir(workDir, { recursive: true });
  const session: Session = {
    ...rest,
    ...io,
    id,
    argv: builderArgv(argv),
    mounts: [
      ...programMounts(host.program),
      ...(workDir === undefined ? [] : [{ source: workDir, target: INSIDE.work, readonly: false }]),
      ...mounts,
    ],
    env: { ...builderEnvironment(host, builder), ...options.env },
    ...(work.kind === 'tmpfs' ? { workBytes: work.bytes } : {}),
  };
  try {
    return builder.kind === 'image' ? await runContainer(builder, session) : await runEmbedded(host, builder, session);
  } finally {
    // What the builder leaves when it is killed may belong to other ids; `imgbuild cache prune` removes that, too.
    if (workDir !== undefined) await rm(workDir, { recursive: true, force: true }).catch(() => undefined);
  }
}

function builderEnvironment(host: Host, builder: Builder): Record<string, string> {
  const passed = PASSED_ON.flatMap((name) => {
    const value = host.env[name];
    return nonEmpty(value) ? [[name, value] as const] : [];
  });
  return {
    ...Object.fromEntries(passed),
    IMGBUILD_BUILDER: '1',
    IMGBUILD_BUILDER_DIGEST: builder.digest,
    IMGBUILD_CACHE_DIR: INSIDE.cache,
    // Node compresses in this pool, and makes four threads whatever there are of cores.
    UV_THREADPOOL_SIZE: String(Math.max(4, availableParallelism())),
    LANG: 'C.UTF-8',
  };
}

/** A line of the builder's standard output; what is no event is worth a debug line. */
export function parseEvent(line: string): BuildEvent | undefined {
  if (line === '') return undefined;
  try {
    return JSON.parse(line) as BuildEvent;
  } catch {
    // Something in the builder has written to standard output past the reporter: worth reading, no reason to fail.
    return { type: 'log', level: 'debug', text: line };
  }
}
