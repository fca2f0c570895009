import { CommandError, UserError } from '../errors.js';
import { run } from '../exec/run.js';
import type { Table } from './qemu-partitions.js';

/** Exit statuses of `qemu-img check` (QEMU 7.2, 10.0): sound; only room lost; a format that it cannot check. */
const ACCEPTED = [0, 3, 63];

/**
 * Makes sure that a disk is whole, as far as its container tells: QEMU reads what lies behind the end of a qcow2 as zeros,
 * without a word. Only tables are looked at, not data.
 *
 * @param name what the user calls the file.
 * @param source operands of qemu-img, the format among them.
 * @throws UserError when the container contradicts itself, or points behind the end of its file.
 */
export async function requireWhole(name: string, source: readonly string[], signal: AbortSignal): Promise<void> {
  let first: string | undefined;
  try {
    await run(['qemu-img', 'check', ...source], {
      doing: `checking ${name}`,
      signal,
      accept: ACCEPTED,
      onLine: (line) => (first ??= line.replace(/^(qemu-img: |ERROR:? )/, '')),
    });
  } catch (error) {
    if (error instanceof CommandError) throw damaged(name, first ?? error.exit, error);
    throw error;
  }
}

/**
 * The same for a raw disk, which only its partition table can tell.
 *
 * @param bytes how long the disk is.
 * @throws UserError when it ends before its table says.
 */
export function requireRoom(name: string, table: Pick<Table, 'bytes'>, bytes: number): void {
  if (table.bytes <= bytes) return;
  throw damaged(name, `it ends ${String(table.bytes - bytes)} bytes before its partition table says`);
}

function damaged(name: string, what: string, cause?: unknown): UserError {
  return new UserError(`${name} is damaged, or a part of it is missing: ${what}`, {
    hint: 'compare it with its SHA256SUMS, and copy, convert or build it again',
    cause,
  });
}
