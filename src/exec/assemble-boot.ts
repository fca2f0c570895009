import { grubBiosWrites } from '../boot/grub-bios.js';
import type { DiskWrite } from '../disk/headers.js';
import type { DiskPlan } from '../disk/types.js';
import { filesystemsOf, isBelow } from '../disk/walk.js';
import { UserError } from '../errors.js';

/** A file of the tree that is wanted besides, as it comes by. */
export interface Kept {
  size: number;
  readonly pieces: Buffer[];
}

/** Where grub-install keeps what it has put on the disk, and where collections/bootable/bios makes it. */
const BOOT_IMAGE = '/boot/grub/i386-pc/boot.img';
const CORE_IMAGE = '/boot/grub/i386-pc/core.img';

/** The files of the tree that are written to the disk outside of all file systems. */
export function bootFiles(): Map<string, Kept> {
  return new Map([BOOT_IMAGE, CORE_IMAGE].map((path) => [path, { size: 0, pieces: [] }]));
}

/** What makes a disk start by itself under a BIOS; nothing for other disks. */
export function bootWrites(disk: DiskPlan, files: ReadonlyMap<string, Kept>): DiskWrite[] {
  const partition = disk.partitions.find(({ type }) => type === 'bios-boot');
  if (partition === undefined && !(disk.table === 'mbr' && holdsBoot(disk))) return [];
  const boot = contentOf(files.get(BOOT_IMAGE));
  const core = contentOf(files.get(CORE_IMAGE));
  if (boot !== undefined && core !== undefined) return grubBiosWrites(disk, { boot, core });
  // An MBR may be for firmware that is no BIOS.
  if (partition === undefined) return [];
  throw new UserError(`partition "${partition.name}" is for GRUB, and the image has none for a BIOS (${CORE_IMAGE})`, {
    hint: 'use the collection bootable/bios, or leave the partition out',
  });
}

function holdsBoot(disk: DiskPlan): boolean {
  return filesystemsOf([disk]).some(({ data }) => isBelow('/boot', data.mountpoint));
}

function contentOf(kept: Kept | undefined): Buffer | undefined {
  return kept === undefined || kept.size === 0 ? undefined : Buffer.concat(kept.pieces).subarray(0, kept.size);
}
