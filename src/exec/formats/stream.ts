import { createHash } from 'node:crypto';
import { closeSync, constants, openSync } from 'node:fs';
import { feed } from '../assemble-pipe.js';
import type { NewFile } from './types.js';

/** A file that is written from its beginning to its end. */
export interface FileStream {
  readonly write: (pieces: readonly Buffer[]) => Promise<void>;
  /** @returns the SHA-256 of all that was written. */
  readonly end: () => Promise<string>;
}

/**
 * Writes into a file past the kernel's cache, where its file system can: an image is larger than what one wants to keep
 * there, and to find memory for it takes longer than to write it, on machines that give theirs back to a host. By dd, for
 * Node has no memory that is aligned as that asks for.
 */
export function streamInto(file: NewFile, doing: string, signal: AbortSignal | undefined): FileStream {
  const flags = takesDirect(file.path) ? ['oflag=direct'] : [];
  const argv = ['dd', `of=${file.path}`, 'bs=4M', 'iflag=fullblock', 'conv=notrunc', 'status=none', ...flags];
  const context = { log: () => undefined, signal: signal ?? new AbortController().signal };
  const tool = feed(context, argv, { doing });
  const hash = createHash('sha256');
  return {
    write: async (pieces) => {
      const written = tool.write(pieces);
      for (const piece of pieces) hash.update(piece);
      await written;
    },
    end: async () => {
      await tool.end();
      return hash.digest('hex');
    },
  };
}

function takesDirect(path: string): boolean {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_DIRECT));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return false;
    throw error;
  }
}
