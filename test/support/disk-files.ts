import { closeSync, openSync, writeSync } from 'node:fs';
import type { DiskWrite } from '../../src/disk/headers.js';

/** Writes bytes to their places in a file that exists. */
export function writeInto(file: string, writes: readonly DiskWrite[]): void {
  const fd = openSync(file, 'r+');
  for (const { offset, bytes } of writes) writeSync(fd, bytes, 0, bytes.length, offset);
  closeSync(fd);
}
