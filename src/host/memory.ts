import { readFile, statfs } from 'node:fs/promises';
import path from 'node:path';
import { EXIT, UserError } from '../errors.js';
import { formatBytes } from '../units.js';

/** Where `--work` puts the root filesystem while it is built. */
export const WORK_MODES = ['auto', 'tmpfs', 'disk'] as const;
export type WorkMode = (typeof WORK_MODES)[number];

/** Where a build works, and why. */
export type WorkPlace =
  | { readonly kind: 'tmpfs'; readonly bytes: number; readonly why: string }
  | { readonly kind: 'disk'; readonly dir: string; readonly why: string };

export interface WorkFacts {
  /** What the kernel could give without swapping; undefined where it does not tell. */
  readonly memoryAvailable: number | undefined;
  readonly diskFree: number;
}

const GIB = 1024 ** 3;

/** The tmpfs may grow to this, for each build that runs at once; pages are taken only as files fill them. */
export const TMPFS_LIMIT = 4 * GIB;

/** A template of some 200 packages with its archives and its packed output, and the processes of the build. */
export const WORK_NEED = 1.5 * GIB;

/** A machine has a kernel with its modules, and a disk beside the tree. */
export const MACHINE_NEED = 3 * GIB;

/** Left to everything else on the machine. */
const RESERVE = 0.5 * GIB;

/**
 * Decides between memory and disk.
 *
 * @param dir directory to work in when it is the disk.
 * @param need bytes that one build takes.
 * @param builds how many run at once if there is room.
 * @throws UserError with exit code 3 when neither has room, or not the one that was asked for.
 */
export function chooseWork(
  mode: WorkMode,
  facts: WorkFacts,
  dir: string,
  need: number = WORK_NEED,
  builds = 1,
): WorkPlace {
  const { memoryAvailable, diskFree } = facts;
  const spare = memoryAvailable === undefined ? undefined : memoryAvailable - RESERVE;
  if (mode !== 'disk') {
    const enough = spare !== undefined && spare >= need;
    if (enough) {
      const bytes = Math.max(need, Math.min(TMPFS_LIMIT * builds, spare));
      return {
        kind: 'tmpfs',
        bytes: Math.floor(bytes),
        why: `${formatBytes(memoryAvailable ?? 0)} of memory are available`,
      };
    }
    if (mode === 'tmpfs') {
      const found =
        memoryAvailable === undefined
          ? 'the kernel does not tell what is available'
          : `${formatBytes(memoryAvailable)} are available`;
      throw new UserError(`Not enough memory to work in: ${found}, ${formatBytes(need + RESERVE)} are needed`, {
        hint: '--work disk works on the disk instead',
        exitCode: EXIT.environment,
      });
    }
  }
  if (diskFree < need) {
    throw new UserError(
      `Not enough room to work in: ${formatBytes(diskFree)} are free in ${dir}, ${formatBytes(need)} are needed`,
      {
        hint: 'IMGBUILD_CACHE_DIR names a directory on another disk; imgbuild cache prune frees room',
        exitCode: EXIT.environment,
      },
    );
  }
  const why =
    mode === 'disk'
      ? 'as asked'
      : memoryAvailable === undefined
        ? 'the kernel does not tell how much memory is available'
        : `only ${formatBytes(memoryAvailable)} of memory are available, ${formatBytes(need + RESERVE)} would be needed`;
  return { kind: 'disk', dir, why };
}

/** Reads what `chooseWork` decides by. */
export async function workFacts(dir: string): Promise<WorkFacts> {
  const [meminfo, diskFree] = await Promise.all([readFile('/proc/meminfo', 'utf8').catch(() => ''), freeBytes(dir)]);
  return { memoryAvailable: memoryAvailable(meminfo), diskFree };
}

/** MemAvailable of /proc/meminfo, in bytes. */
export function memoryAvailable(meminfo: string): number | undefined {
  const kib = /^MemAvailable:\s*(\d+) kB$/m.exec(meminfo)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** Bytes that this user can still write to the filesystem of a path, which need not exist yet. */
export async function freeBytes(dir: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(dir);
    return bavail * bsize;
  } catch (error) {
    const parent = path.dirname(dir);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === dir) throw error;
    return await freeBytes(parent);
  }
}
