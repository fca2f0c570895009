import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { machineArchitecture } from './qemu-architecture.js';
import type { Bus, MachineArchitecture, Nic } from './qemu-arguments.js';
import { openImages, tableOf, type OpenedDisk, type Workbench } from './qemu-images.js';
import { chooseAccelerator, type Accelerator } from './qemu-kvm.js';
import { hardwareOf } from './qemu-machine.js';
import type { Table } from './qemu-partitions.js';

/** What is asked for of a machine, whether somebody looks at it or it is verified. */
export interface MachineOptions {
  /** Remembers whether KVM works. */
  readonly cacheDir: string;
  /** Holds what is unpacked, copied and written while the machine is there. */
  readonly workDir: string;
  readonly accelerator?: Accelerator | undefined;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly firmware?: 'uefi' | 'bios' | undefined;
  readonly secureBoot: boolean;
  readonly bus?: Bus | undefined;
  readonly nic?: Nic | undefined;
  readonly signal: AbortSignal;
  /** Told what is going on. */
  readonly say: (text: string) => void;
}

/** The disks of a machine, and what it runs on. */
export interface PreparedMachine extends Workbench {
  /** The one that boots first. */
  readonly image: OpenedDisk;
  readonly others: readonly OpenedDisk[];
  /** Of the first disk. */
  readonly table: Table;
  /** What the disk is for. */
  readonly architecture: MachineArchitecture;
  readonly accelerator: Accelerator;
  /** Why this accelerator. */
  readonly why: string;
  readonly hardware: { readonly bus: Bus; readonly nic: Nic };
}

/**
 * Opens the disks of a machine and chooses what is left open, in a directory that is removed when `use` ends.
 *
 * @param files the disks of one machine, the one that boots first.
 * @throws UserError when the files hold no machine.
 */
export async function withMachine<T>(
  files: readonly string[],
  options: MachineOptions,
  use: (machine: PreparedMachine) => Promise<T>,
): Promise<T> {
  const { signal } = options;
  mkdirSync(options.workDir, { recursive: true });
  const directory = mkdtempSync(join(options.workDir, 'boot-'));
  try {
    const [image, ...others] = await openImages(files, { directory, signal });
    if (image === undefined) throw new Error('withMachine: no image');
    const table = await tableOf(image, { directory, signal });
    const architecture = await machineArchitecture(image, table, { directory, signal });
    const chosen =
      options.accelerator === undefined
        ? await chooseAccelerator(architecture, options.cacheDir, { directory, signal })
        : { accelerator: options.accelerator, why: 'as asked' };
    const usual = hardwareOf(image);
    const { bus = usual.bus, nic = usual.nic } = options;
    return await use({ directory, signal, image, others, table, architecture, ...chosen, hardware: { bus, nic } });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
