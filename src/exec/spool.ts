import { spawn } from 'node:child_process';
import { closeSync, read } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { TOOL_ENV } from './run.js';

/** How much is read at once, and how often a file that is being written is looked at. */
const READ_BYTES = 1 << 20;
const POLL_MS = 5;

/** How much of a file is given back at a time. */
const HOLE_BYTES = 64 << 20;

const readAt = promisify(read);

/**
 * Reads a file that is still being written, makes a hole of what has been read, and closes it.
 *
 * What is read goes round in one piece of memory, garbage of the size of a tree being costly to collect.
 *
 * @param fd opened for reading and writing.
 * @param written ends when all has been written.
 * @param stays bytes that must have been read after a piece before its memory is used again.
 */
export async function* follow(fd: number, written: Promise<void>, stays: number): AsyncGenerator<Buffer, void> {
  const state = { complete: false };
  written.then(
    () => (state.complete = true),
    () => undefined,
  );
  // Reading may give less than was asked for, as often as it likes: places follow from bytes alone.
  const memory = Buffer.allocUnsafeSlow(stays + 3 * READ_BYTES);
  try {
    for (let at = 0, place = 0, hole = 0; ;) {
      const last = state.complete;
      if (memory.length - place < READ_BYTES) place = 0;
      const { bytesRead: bytes } = await readAt(fd, memory, place, READ_BYTES, at);
      at += bytes;
      if (at - hole >= HOLE_BYTES) {
        punch(fd, hole, at - hole);
        hole = at;
      }
      if (bytes > 0) {
        place += bytes;
        yield memory.subarray(place - bytes, place);
      } else if (last) return;
      else await Promise.race([written, setTimeout(POLL_MS)]);
    }
  } finally {
    closeSync(fd);
  }
}

/** Gives the room of a part of a file back, beside what goes on; a file system that cannot keeps it until the end. */
function punch(fd: number, start: number, bytes: number): void {
  const args = ['--punch-hole', `--offset=${String(start)}`, `--length=${String(bytes)}`, '/dev/stdin'];
  spawn('fallocate', args, { env: TOOL_ENV, stdio: [fd, 'ignore', 'ignore'] }).on('error', () => undefined);
}
