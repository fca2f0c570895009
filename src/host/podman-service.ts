import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT, UserError } from '../errors.js';
import { nonEmpty } from './program.js';
import { hostEnvironment, onPath } from './which.js';

/** A Podman API service of our own. */
export interface PodmanService {
  readonly socket: string;
  readonly stop: () => Promise<void>;
}

const START_SECONDS = 30;

/** Starts `podman system service` for one run; its end is tied to `stop` and to the end of this process. */
export async function podmanService(env: NodeJS.ProcessEnv): Promise<PodmanService> {
  const dir = await mkdtemp(
    path.join(nonEmpty(env['XDG_RUNTIME_DIR']) ? env['XDG_RUNTIME_DIR'] : tmpdir(), 'imgbuild-'),
  );
  const socket = path.join(dir, 'podman.sock');
  const argv = ['podman', 'system', 'service', '--time=0', `unix://${socket}`];
  // A launcher that is killed cannot stop its service: the kernel does.
  const [file, ...args] = (await onPath('setpriv', env)) ? ['setpriv', '--pdeathsig', 'TERM', ...argv] : argv;
  const child = spawn(file ?? 'podman', args, {
    env: hostEnvironment(env),
    stdio: ['ignore', 'ignore', 'pipe'],
    // Its own process group: Ctrl-C is for the launcher, which still needs the service to remove the container.
    detached: true,
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  const state = { ended: false };
  const ended = once(child, 'close').then(
    () => (state.ended = true),
    () => (state.ended = true),
  );
  const stop = async (): Promise<void> => {
    if (!state.ended) {
      child.kill('SIGTERM');
      if (!(await Promise.race([ended, sleep(5000, false)]))) child.kill('SIGKILL');
    }
    await rm(dir, { recursive: true, force: true });
  };
  const deadline = Date.now() + START_SECONDS * 1000;
  while (!(await listens(socket))) {
    if (state.ended || Date.now() > deadline) {
      await stop();
      throw new UserError(`podman system service did not start: ${said.trim()}`, {
        hint: 'podman info shows what Podman lacks',
        exitCode: EXIT.environment,
      });
    }
    await sleep(20);
  }
  return { socket, stop };
}

function listens(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => {
      resolve(false);
    });
  });
}
