import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, UserError } from '../errors.js';
import { architectureOf, emulationFor } from './emulation.js';
import { unpackTree } from './frames.js';
import { useCache } from './in-use.js';
import { isolatedTarget } from './namespace.js';
import { TOOL_ENV } from './run.js';
import { findStage } from './stages.js';

/**
 * Opens a shell (or runs a command) in a copy of a cached root filesystem; what is changed there is thrown away.
 *
 * @returns the exit status of the shell.
 */
export async function enterTree(
  places: { readonly cacheDir: string; readonly workDir: string },
  key: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const release = await useCache(places);
  try {
    return await enterLocked(places, key, command, signal);
  } finally {
    release();
  }
}

async function enterLocked(
  places: { readonly cacheDir: string; readonly workDir: string },
  key: string,
  command: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const entry = findStage(places.cacheDir, key);
  if (entry === undefined)
    throw new UserError('the tree is no longer in the cache', {
      exitCode: EXIT.environment,
      hint: 'build the profile again',
    });
  const work = mkdtempSync(join(places.workDir, 'shell-'));
  try {
    const root = join(work, 'root');
    const context = { settings: places, work, signal, log: () => undefined, sound: new Set<string>() };
    await unpackTree(context, entry, root);
    const architecture = await architectureOf(context, root);
    const emulate = architecture === '' ? undefined : await emulationFor(context, architecture);
    const wanted = command.length === 0 ? ['/bin/sh', '-c', 'exec $(command -v bash || echo sh) -l'] : command;
    const script = 'root=$1; shift; exec chroot "$root" "$@"';
    const [file = '', ...args] = isolatedTarget(script, [root, ...wanted], emulate);
    const env = { ...TOOL_ENV, TERM: process.env['TERM'] ?? 'linux', debian_chroot: entry.profile };
    const child = spawn(file, args, { stdio: 'inherit', env });
    const [code] = (await once(child, 'close')) as [number | null];
    return code ?? EXIT.interrupted;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
