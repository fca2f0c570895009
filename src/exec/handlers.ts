import { readFileSync } from 'node:fs';
import { ARCHITECTURES, debianArchitecture } from '../config/architectures.js';
import { EXIT, UserError } from '../errors.js';
import type { Context } from './context.js';
import { runsHere } from './emulation.js';
import { handlerLine } from './namespace.js';
import { output } from './run.js';

/** Ids that the first user namespace has, and whatever maps all of them. */
const ALL_IDS = 4294967295;

/** Names of our handlers begin so. */
const OURS = 'imgbuild-';

/**
 * Makes the builder's QEMU the machine's handler for programs of other architectures, until it is restarted: for kernels
 * before 6.7, where a build cannot have handlers of its own. Those that run already are left as they are.
 *
 * @returns the architectures whose programs run by it now.
 * @throws UserError (exit 3) when this is not root of the machine, whose handlers they would not be.
 */
export async function registerHandlers(context: Pick<Context, 'signal' | 'log'>): Promise<string[]> {
  requireRoot();
  const added: string[] = [];
  for (const architecture of ARCHITECTURES) {
    if (architecture === debianArchitecture() || (await runsHere(context, ['arch-test', architecture]))) continue;
    const line = handlerLine(`${OURS}${architecture}`, architecture);
    await inBinfmt(context, `printf %s "$1" > /mnt/register`, [line]);
    added.push(architecture);
  }
  return added;
}

/** Takes them away again. @returns the architectures that they were for. */
export async function removeHandlers(context: Pick<Context, 'signal' | 'log'>): Promise<string[]> {
  requireRoot();
  const script = `cd /mnt; for name in "$1"*; do [ -e "$name" ] || continue; echo -1 > "$name"; echo "\${name#"$1"}"; done`;
  const said = await inBinfmt(context, script, [OURS]);
  return said.split('\n').filter((name) => name !== '');
}

function requireRoot(): void {
  const ids = readFileSync('/proc/self/uid_map', 'utf8').trim().split(/\s+/);
  if (Number(ids[2]) >= ALL_IDS && process.getuid?.() === 0) return;
  throw new UserError('only root of the machine can give it handlers for programs', {
    hint: 'run it with sudo, or with a Docker that runs as root: --engine docker',
    exitCode: EXIT.environment,
  });
}

async function inBinfmt(
  context: Pick<Context, 'signal' | 'log'>,
  script: string,
  args: readonly string[],
): Promise<string> {
  const mount = 'mount -t binfmt_misc binfmt_misc /mnt';
  const shell = ['bash', '--norc', '-euc', `${mount}; ${script}`, 'imgbuild', ...args];
  return await output(['unshare', '--mount', '--propagation=private', '--', ...shell], {
    doing: 'setting up handlers for programs',
    signal: context.signal,
    onLine: context.log,
    exitCode: EXIT.environment,
  });
}
