import { MIB } from './layout-sizes.js';
import {
  FIRMWARES,
  type DiskLayout,
  type Filesystem,
  type FilesystemFormat,
  type Partition,
  type Storage,
} from './layout.js';
import type { OptionValue } from './types.js';
import { parseSize } from '../units.js';

/** Name of the disk that boots; files of it are called so, too. */
export const MAIN_DISK = 'rootfs';

/** GRUB's core image has some 100 KiB for what it needs here; less than this cannot be aligned. */
export const BIOS_BOOT_BYTES = MIB;

/** The storage that the options `disk.*` describe, for profiles that bring no tree of their own; none for containers. */
export function readyStorage(options: Readonly<Record<string, OptionValue>>): Storage | undefined {
  const firmware = FIRMWARES.find((name) => name === options['disk.firmware']) ?? 'none';
  if (firmware === 'none') return undefined;
  const size = sizeOf(options, 'disk.size');
  const swap = options['disk.swap'];
  const partitions: Partition[] = [
    ...(firmware === 'uefi' ? [] : [biosBoot()]),
    ...(firmware === 'bios' ? [] : [esp(sizeOf(options, 'disk.espSize'))]),
    ...(options['disk.separateBoot'] === true ? [boot(sizeOf(options, 'disk.bootSize'))] : []),
    ...(swap === 'partition' ? [swapPartition(sizeOf(options, 'disk.swapSize'))] : []),
    {
      // Last, so that it can grow at the first boot.
      name: 'root',
      type: 'root',
      size: size === 0 ? sizeOf(options, 'disk.rootSize') : 'rest',
      content: filesystem(options['disk.rootFormat'] === 'btrfs' ? 'btrfs' : 'ext4', '/', 'root'),
    },
  ];
  const main: DiskLayout = { name: MAIN_DISK, table: 'gpt', ...(size === 0 ? {} : { size }), partitions };
  if (swap !== 'disk') return { firmware, disks: [main] };
  const second: DiskLayout = {
    name: 'swap',
    table: 'gpt',
    partitions: [swapPartition(sizeOf(options, 'disk.swapSize'))],
  };
  return { firmware, disks: [main, second] };
}

function sizeOf(options: Readonly<Record<string, OptionValue>>, name: string): number {
  const value = options[name];
  return typeof value === 'string' ? (parseSize(value) ?? 0) : 0;
}

function biosBoot(): Partition {
  return { name: 'bios', type: 'bios-boot', size: BIOS_BOOT_BYTES };
}

function esp(size: number): Partition {
  return { name: 'esp', type: 'esp', size, content: filesystem('vfat', '/boot/efi', 'ESP') };
}

function boot(size: number): Partition {
  return { name: 'boot', type: 'linux', size, content: filesystem('ext4', '/boot', 'boot') };
}

function swapPartition(size: number): Partition {
  return { name: 'swap', type: 'swap', size, content: { type: 'swap', label: 'swap' } };
}

function filesystem(format: FilesystemFormat, mountpoint: string, label: string): Filesystem {
  return { type: 'filesystem', format, mountpoint, label, options: [], compression: '', snapper: false };
}
