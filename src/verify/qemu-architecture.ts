import { join } from 'node:path';
import { output } from '../exec/run.js';
import type { DiskSource, MachineArchitecture } from './qemu-arguments.js';
import { extract, type Workbench } from './qemu-images.js';
import { espOf, type Table } from './qemu-partitions.js';

/** Architecture of the machine that a disk is for: what its EFI system partition starts says so; a BIOS has only one. */
export async function machineArchitecture(
  source: DiskSource,
  table: Table,
  bench: Workbench,
): Promise<MachineArchitecture> {
  const esp = espOf(table);
  if (esp === undefined) return 'amd64';
  const file = join(bench.directory, 'esp');
  await extract(source, esp, file, bench.signal);
  const list = ['mdir', '-b', '-i', file, '::/EFI/BOOT'];
  // It ends with 1 when there is no such directory.
  const names = await output(list, { doing: 'looking for boot loaders', signal: bench.signal, accept: [0, 1] });
  return /\/BOOTAA64\.EFI$/im.test(names) && !/\/BOOTX64\.EFI$/im.test(names) ? 'arm64' : 'amd64';
}
