import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { debianArchitecture, PROGRAMS } from '../config/architectures.js';
import { CommandError, EXIT, UserError } from '../errors.js';
import type { Context } from './context.js';
import { isolated } from './namespace.js';
import { output, run } from './run.js';

/** What gives a machine a handler for programs of other architectures. */
export const INSTALL_HANDLERS =
  'sudo apt-get install qemu-user-binfmt    ' +
  '(before Debian 13: qemu-user-static binfmt-support; until the next restart: sudo imgbuild builder handlers)';

/** Debian's name of the architecture that a root filesystem is for; '' when dpkg is not in it. */
export async function architectureOf(context: Pick<Context, 'signal' | 'log'>, root: string): Promise<string> {
  const query = ['dpkg-query', `--admindir=${join(root, 'var/lib/dpkg')}`, '--show', '--showformat=${Architecture}'];
  const options = { doing: 'asking for the architecture', accept: [0, 1], signal: context.signal, onLine: context.log };
  return await output([...query, 'dpkg'], options);
}

/** Whether a command that tries a program of some architecture succeeds. */
export async function runsHere(context: Pick<Context, 'signal' | 'log'>, argv: readonly string[]): Promise<boolean> {
  try {
    await run(argv, { doing: 'trying a program', signal: context.signal, onLine: context.log });
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

/**
 * Finds out how programs of an architecture run here, before anything is made for it.
 *
 * A handler that only the build has comes before that of the machine: it is the builder's QEMU, and needs nobody's leave.
 *
 * @returns the architecture when its programs need such a handler, which `isolated` makes; undefined when they run as it is.
 * @throws UserError (exit 3) when they cannot run at all.
 */
export async function emulationFor(
  context: Pick<Context, 'work' | 'signal' | 'log'>,
  architecture: string,
): Promise<string | undefined> {
  if (architecture === debianArchitecture()) return undefined;
  const runs = (argv: readonly string[]): Promise<boolean> => runsHere(context, argv);
  if (await runs(['arch-test', '-n', architecture])) return undefined;
  const known = architecture in PROGRAMS;
  if (known && (await runs(isolated('exec arch-test "$1"', [architecture], architecture)))) return architecture;
  // In a directory without QEMU: a handler that looks for it there is of no use in an image.
  const empty = join(context.work, 'empty');
  mkdirSync(empty, { recursive: true });
  if (await runs(['arch-test', '-c', empty, architecture])) return undefined;
  throw new UserError(`programs for ${architecture} do not run here, and an image is made with its own`, {
    hint: `${INSTALL_HANDLERS}, or a kernel from 6.7 on, where a build brings its own handler`,
    exitCode: EXIT.environment,
  });
}
