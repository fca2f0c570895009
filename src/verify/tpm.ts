import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandError, EXIT } from '../errors.js';
import { giveToOwnerOf } from '../exec/context.js';
import { TOOL_ENV } from '../exec/run.js';

/** How long it may take to come up. */
const PATIENCE_MS = 10_000;

/** A TPM 2.0 in software, for one start of a machine. */
export interface Tpm {
  /** Where QEMU talks to it. It ends when QEMU does. */
  readonly socket: string;
  readonly kill: () => void;
}

/**
 * Starts a TPM (swtpm).
 *
 * @param state directory of what it keeps, made when it is missing: what was sealed by it opens again as long as that is there.
 * @param directory for its socket.
 * @throws CommandError when it does not start.
 */
export async function startTpm(state: string, directory: string, signal: AbortSignal): Promise<Tpm> {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const socket = join(directory, 'tpm');
  const argv = ['swtpm', 'socket', '--tpm2', '--tpmstate', `dir=${state}`, '--ctrl', `type=unixio,path=${socket}`];
  const tool = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv, '--terminate'], {
    env: TOOL_ENV,
    stdio: ['ignore', 'ignore', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
  let said = '';
  tool.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-4000)));
  const end = once(tool, 'close').catch(() => undefined);
  for (let waited = 0; !existsSync(socket); waited += 20) {
    signal.throwIfAborted();
    if (tool.exitCode !== null || waited > PATIENCE_MS) {
      const exit = tool.exitCode === null ? 'gave no sign' : `exit status ${String(tool.exitCode)}`;
      tool.kill('SIGKILL');
      await end;
      throw new CommandError({ doing: 'the TPM', argv, exit, tail: said.trimEnd(), exitCode: EXIT.environment });
    }
    await delay(20);
  }
  return { socket, kill: () => tool.kill('SIGKILL') };
}

/** Gives what a TPM keeps to who has the directory. */
export function giveTpm(state: string): void {
  giveToOwnerOf(join(state, '..'), state);
  for (const name of readdirSync(state)) giveToOwnerOf(state, join(state, name));
}
