import { spawnSync } from 'node:child_process';
import { EXIT, UserError } from '../errors.js';
import { mkdirSync, readFileSync, statfsSync } from 'node:fs';

const TMPFS_MAGIC = 0x01021994;
const DEFAULT_BYTES = 4 * 1024 ** 3;

/** Whether a directory lies in memory. */
export function isTmpfs(directory: string): boolean {
  return statfsSync(directory).type === TMPFS_MAGIC;
}

/**
 * The work directory of a builder that nobody launched (`docker run … build X`): a tmpfs of its own where that is allowed
 * and memory suffices. In the container's mount namespace, so it is gone with the container.
 *
 * @returns the directory.
 */
export function mountWork(directory: string, mode: 'auto' | 'tmpfs' | 'disk', bytes: number = DEFAULT_BYTES): string {
  mkdirSync(directory, { recursive: true });
  if (mode === 'disk' || isTmpfs(directory)) return directory;
  const available = Number(/^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0) * 1024;
  if (mode === 'auto' && available < bytes / 2) return directory;
  const options = `size=${String(bytes)},mode=0755`;
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'imgbuild-work', directory]);
  if (status !== 0 && mode === 'tmpfs') {
    throw new UserError(`no tmpfs could be mounted at ${directory}`, {
      exitCode: EXIT.environment,
      hint: 'start the container with --privileged or --tmpfs /work, or build with --work disk',
    });
  }
  return directory;
}
