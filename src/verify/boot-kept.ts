import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { UserError } from '../errors.js';
import { giveToOwnerOf } from '../exec/context.js';
import { run } from '../exec/run.js';
import { blockName, type DiskSource } from './qemu-arguments.js';
import { createOverlay } from './qemu-images.js';

/** In the directory of a kept machine: the images that its overlays lie on. */
const RECORD = 'machine.json';

/**
 * The disks of a machine that stays: overlays in a directory, made the first time and taken up again afterwards.
 *
 * @param files images that the disks come from; the overlays hold only what differs from them.
 * @param bytes size of the first disk; a machine that is there already can be given a larger one.
 * @throws UserError when the directory holds what was changed of other images, which on these would be garbage.
 */
export async function keptDisks(
  directory: string,
  files: readonly string[],
  disks: readonly DiskSource[],
  bytes: number | undefined,
  signal: AbortSignal,
): Promise<DiskSource[]> {
  checkRecord(directory, files);
  const kept: DiskSource[] = [];
  for (const [n, below] of disks.entries()) {
    const file = join(directory, `disk${String(n)}.qcow2`);
    const size = n === 0 ? bytes : undefined;
    const overlay: DiskSource = { format: 'qcow2', file, below };
    if (!existsSync(file)) await createOverlay(below, file, size, signal);
    else if (size !== undefined) {
      const argv = ['qemu-img', 'resize', '-q', blockName(overlay), String(size)];
      await run(argv, { doing: 'making the disk of the kept machine larger', signal });
    }
    giveToOwnerOf(directory, file);
    kept.push(overlay);
  }
  return kept;
}

function checkRecord(directory: string, files: readonly string[]): void {
  const record = join(directory, RECORD);
  const images = files.map((file) => {
    const { size, mtimeMs } = statSync(file);
    return { name: basename(file), bytes: size, modified: Math.floor(mtimeMs) };
  });
  const text = `${JSON.stringify({ images }, undefined, 2)}\n`;
  if (!existsSync(record)) {
    writeFileSync(record, text);
    giveToOwnerOf(directory, record);
  } else if (readFileSync(record, 'utf8') !== text) {
    throw new UserError(`the kept machine is of another image than ${files.map((file) => basename(file)).join(', ')}`, {
      hint: 'choose another directory with --keep, or remove this one to begin anew',
    });
  }
}
