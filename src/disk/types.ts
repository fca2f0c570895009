import type { Filesystem, Luks, Lvm, PartitionType, Raid1, Swap } from '../config/layout.js';

/**
 * A disk with every offset, size and identity decided. All numbers are bytes from the start of the disk; what stands inside
 * an encrypted layer lies there as well, only scrambled, since LUKS2 with a detached header keeps offsets.
 */
export interface DiskPlan {
  readonly name: string;
  readonly table: 'gpt' | 'mbr';
  /** GUID of a GPT in lower case; eight hexadecimal digits of an MBR. */
  readonly id: string;
  readonly bytes: number;
  readonly partitions: readonly PartitionPlan[];
}

export interface PartitionPlan {
  /** From 1, as in /dev/sda1. */
  readonly number: number;
  readonly name: string;
  readonly type: PartitionType;
  /** PARTUUID. */
  readonly id: string;
  readonly start: number;
  readonly bytes: number;
  readonly content?: LayerPlan;
}

export type LayerPlan = FilesystemPlan | SwapPlan | Raid1Plan | LuksPlan | LvmPlan;

/** Where a layer lies; a layer's own data included. */
export interface Extents {
  readonly start: number;
  readonly bytes: number;
}

export interface FilesystemPlan extends Omit<Filesystem, 'content'>, Extents {
  /** As blkid prints it: a UUID, or `ABCD-1234` of vfat. */
  readonly uuid: string;
  /** btrfs only: UUID of the device in the file system. */
  readonly deviceUuid?: string;
}

export interface SwapPlan extends Omit<Swap, 'content'>, Extents {
  readonly uuid: string;
}

export interface Raid1Plan extends Omit<Raid1, 'content'>, Extents {
  readonly uuid: string;
  readonly deviceUuid: string;
  readonly dataOffset: number;
  readonly content: LayerPlan;
}

export interface LuksPlan extends Omit<Luks, 'content'>, Extents {
  readonly uuid: string;
  readonly headerBytes: number;
  readonly content: LayerPlan;
}

export interface LvmPlan extends Omit<Lvm, 'volumes'>, Extents {
  /** LVM's own 32-character ids, printed as 6-4-4-4-4-4-6. */
  readonly vgId: string;
  readonly pvId: string;
  readonly extentBytes: number;
  readonly peStart: number;
  readonly volumes: readonly VolumePlan[];
}

export interface VolumePlan {
  readonly name: string;
  readonly id: string;
  /** First extent and count, in extents of the volume group. */
  readonly firstExtent: number;
  readonly extents: number;
  readonly content: FilesystemPlan | SwapPlan;
}

/** What hooks are told about the storage, by the name of the variable; strings as they stand in files. */
export type DiskFacts = Readonly<Record<string, string>>;
