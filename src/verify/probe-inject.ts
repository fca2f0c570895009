import {
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { output } from '../exec/run.js';
import { espOf, type Table } from './qemu-partitions.js';
import type { Workbench } from './qemu-images.js';

/** Where GRUB's configuration lies, in a file system of its own for /boot or in the root file system. */
const CONFIGS = ['/grub/grub.cfg', '/boot/grub/grub.cfg'] as const;

/** Adds parameters to every kernel that a grub.cfg starts. */
export function withKernelParameters(config: string, parameters: string): string {
  return config.replace(/^(\s*linux(?:efi|16)?[ \t]+\S[^\n]*?)[ \t]*$/gm, `$1 ${parameters}`);
}

/**
 * Adds kernel parameters to the GRUB configuration on a raw disk, a copy that nobody else uses. GRUB itself, its stubs and
 * everything that they search for stay as they are, so that what is wrong with them still shows.
 *
 * @returns why it could not be done, or undefined when it was.
 */
export async function injectParameters(
  disk: string,
  table: Table,
  parameters: string,
  bench: Workbench,
): Promise<string | undefined> {
  const esp = espOf(table);
  for (const partition of table.partitions) {
    if (partition === esp) continue;
    const offset = extOffset(disk, partition.start);
    if (offset === undefined) continue;
    const filesystem = `${disk}?offset=${String(offset)}`;
    for (const path of CONFIGS) {
      const copy = join(bench.directory, 'grub.cfg');
      rmSync(copy, { force: true });
      await debugfs([`dump ${path} ${copy}`], filesystem, bench);
      if (!existsSync(copy) || statSync(copy).size === 0) continue;
      const config = readFileSync(copy, 'latin1');
      const changed = withKernelParameters(config, parameters);
      if (changed === config) return `${path} starts no kernel by itself`;
      writeFileSync(copy, changed, 'latin1');
      await debugfs([`rm ${path}`, `write ${copy} ${path}`, `sif ${path} mode 0100600`], filesystem, bench);
      return undefined;
    }
  }
  return 'no grub.cfg was found in an ext file system';
}

async function debugfs(commands: readonly string[], filesystem: string, bench: Workbench): Promise<void> {
  const script = join(bench.directory, 'debugfs');
  writeFileSync(script, commands.map((command) => `${command}\n`).join(''));
  // It exits with 0 whatever a command of the script comes to.
  await output(['debugfs', '-w', '-f', script, filesystem], { doing: 'preparing the copy', signal: bench.signal });
}

const MD_MAGIC = 0xa92b4efc;
const EXT_MAGIC = 0xef53;

/** Where an ext file system of this partition begins: at its start, or behind the superblock of an md array (1.2). */
function extOffset(disk: string, start: number): number | undefined {
  const fd = openSync(disk, 'r');
  try {
    const at = (position: number, bytes: number): Buffer => {
      const buffer = Buffer.alloc(bytes);
      readSync(fd, buffer, 0, bytes, position);
      return buffer;
    };
    const md = at(start + 4096, 136);
    const data = md.readUInt32LE(0) === MD_MAGIC ? Number(md.readBigUInt64LE(128)) * 512 : 0;
    return at(start + data + 1024 + 56, 2).readUInt16LE() === EXT_MAGIC ? start + data : undefined;
  } finally {
    closeSync(fd);
  }
}

/** Makes a raw disk larger, as a platform does with an image that it has imported. */
export function enlarge(disk: string, by: number): void {
  const fd = openSync(disk, 'r+');
  try {
    ftruncateSync(fd, Math.ceil((statSync(disk).size + by) / 2 ** 20) * 2 ** 20);
  } finally {
    closeSync(fd);
  }
}
