/**
 * The storage of a machine as a profile describes it: a tree that nests as the storage does.
 *
 *   partition → [raid1] → [luks] → [lvm → volumes] → filesystem | swap
 *
 * Plain data with defaults filled in and sizes in bytes; nothing is placed or identified yet (src/disk does that).
 */
export type Layer = Filesystem | Swap | Raid1 | Luks | Lvm;

/** A size in bytes, or all that the others leave. */
export type Extent = number | 'rest';

export const FILESYSTEMS = ['ext4', 'btrfs', 'vfat'] as const;
export type FilesystemFormat = (typeof FILESYSTEMS)[number];

export interface Filesystem {
  readonly type: 'filesystem';
  readonly format: FilesystemFormat;
  /** Absolute path in the image. */
  readonly mountpoint: string;
  readonly label: string;
  /** Mount options for fstab, beyond what the format itself needs; empty takes good ones. */
  readonly options: readonly string[];
  /** btrfs only: '' for none. */
  readonly compression: '' | 'zstd' | 'lzo' | 'zlib';
  /** btrfs only: subvolume @snapshots at .snapshots and a configuration for snapper. */
  readonly snapper: boolean;
}

export interface Swap {
  readonly type: 'swap';
  readonly label: string;
}

export interface Raid1 {
  readonly type: 'raid1';
  /** Name of the array, as in /dev/md/NAME. */
  readonly name: string;
  /** How many disks the array says it has; only the first one is in the image. */
  readonly devices: number;
  readonly content: Layer;
}

export interface Luks {
  readonly type: 'luks';
  /** Name below /dev/mapper. */
  readonly name: string;
  readonly cipher: string;
  readonly keyBits: number;
  readonly sectorSize: 512 | 4096;
  readonly pbkdf: 'argon2id' | 'argon2i' | 'pbkdf2';
  /** KiB; for argon2. */
  readonly pbkdfMemory: number;
  /** Passes of argon2, iterations of pbkdf2. */
  readonly pbkdfIterations: number;
  readonly content: Layer;
}

export interface Volume {
  readonly name: string;
  readonly size: Extent;
  readonly content: Filesystem | Swap;
}

export interface Lvm {
  readonly type: 'lvm';
  /** Name of the volume group. */
  readonly name: string;
  readonly volumes: readonly Volume[];
}

export const PARTITION_TYPES = [
  'linux',
  'root',
  'esp',
  'bios-boot',
  'xbootldr',
  'swap',
  'raid',
  'lvm',
  'luks',
] as const;
export type PartitionType = (typeof PARTITION_TYPES)[number];

export interface Partition {
  /** Name in the partition table, unique on the disk. */
  readonly name: string;
  readonly type: PartitionType;
  readonly size: Extent;
  readonly content?: Layer;
}

export interface DiskLayout {
  /** Part of the file's name: `rootfs` for the disk that boots, e.g. `swap` for a second one. */
  readonly name: string;
  readonly table: 'gpt' | 'mbr';
  /** Bytes; undefined: as much as the partitions need. */
  readonly size?: number;
  readonly partitions: readonly Partition[];
}

/** What firmware can start the machine. */
export const FIRMWARES = ['none', 'uefi', 'bios', 'both'] as const;
export type Firmware = (typeof FIRMWARES)[number];

/** The disks of an image: the first one boots. */
export interface Storage {
  readonly firmware: Exclude<Firmware, 'none'>;
  readonly disks: readonly DiskLayout[];
}
