import { existsSync, fsyncSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, EXIT, UserError } from '../../errors.js';
import { unpublished } from '../publish-files.js';
import type { DiskFormat } from '../../config/formats.js';
import { artefactsOf } from './artefacts.js';
import type { FormatJob } from './job.js';

/** Where converted images go. */
export interface ConvertTarget {
  readonly directory: string;
  /** Begins the name of every file. */
  readonly base: string;
  /** Exact name of the only format's main file, where the user gave one. */
  readonly name?: string;
  readonly force: boolean;
}

/** What files of these formats are called; the first disk has no part in its name. */
export function convertedName(target: ConvertTarget, job: Pick<FormatJob, 'disks'>, part: string, suffix: string) {
  const first = part === job.disks[0]?.name || part === 'vm';
  if (first && target.name !== undefined && suffix !== BMAP) return target.name;
  return `${target.base}${first ? '' : `_${part}`}${suffix}`;
}

const BMAP = '.raw.bmap';

/**
 * Writes disks in other formats. All files appear at the end, or none.
 *
 * @returns their names.
 * @throws UserError when a file is there already and is not to be replaced.
 */
export async function convertDisks(
  formats: readonly DiskFormat[],
  job: FormatJob,
  target: ConvertTarget,
  onFormat: (format: DiskFormat) => void,
): Promise<string[]> {
  const files = unpublished(target.directory, target.directory);
  const made: { readonly name: string; readonly fd: number }[] = [];
  try {
    for (const [index, artefact] of artefactsOf(formats, job).entries()) {
      const format = formats[index];
      if (format !== undefined) onFormat(format);
      await artefact.write({
        newFile: (part, suffix) => {
          const name = convertedName(target, job, part, suffix);
          refuse(target, name);
          const file = files.open(name);
          made.push(file);
          return file;
        },
        hashed: () => undefined,
      });
    }
    for (const { fd } of made) fsyncSync(fd);
    job.signal?.throwIfAborted();
    // Others may have written there meanwhile.
    for (const { name } of made) refuse(target, name);
    files.appear();
    return made.map(({ name }) => name);
  } catch (error) {
    job.signal?.throwIfAborted();
    throw explainFull(target.directory, error);
  } finally {
    files.close();
  }
}

function refuse({ directory, force }: ConvertTarget, name: string): void {
  const path = join(directory, name);
  if (!existsSync(path)) return;
  if (statSync(path).isDirectory()) throw new UserError(`${path} is a directory`);
  if (!force) throw new UserError(`${path} exists already`, { hint: '--force replaces it' });
}

/** Below this a directory counts as full when something could not be written into it. */
const FULL_BYTES = 1 << 20;

/** Tools say that a disk is full each in their own way; that there is no room left can be seen. */
function explainFull(directory: string, error: unknown): unknown {
  const { bavail, bsize } = statfsSync(directory);
  const full = (error as NodeJS.ErrnoException).code === 'ENOSPC' || error instanceof CommandError;
  if (!full || bavail * bsize > FULL_BYTES) return error;
  return new UserError(`${directory} is full`, {
    exitCode: EXIT.environment,
    hint: 'make room, or choose another place with --output',
    cause: error,
  });
}
