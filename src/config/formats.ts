import { formatBytes, parseSize } from '../units.js';

/**
 * What an image can be delivered as, and from what each format is made: the root filesystem, a disk, all disks with a
 * description of the machine, or `system`: the disk of a profile that has one, else the root filesystem.
 */
export const FORMAT_SOURCES = {
  'tar.zst': 'rootfs',
  squashfs: 'rootfs',
  erofs: 'rootfs',
  dir: 'rootfs',
  'oci.tar': 'rootfs',
  incus: 'system',
  'incus-split': 'system',
  raw: 'disk',
  'raw.zst': 'disk',
  qcow2: 'disk',
  vhdx: 'disk',
  vhd: 'disk',
  vmdk: 'disk',
  ova: 'machine',
} as const;
export type FormatName = keyof typeof FORMAT_SOURCES;

/** Names of all formats, in the order in which lists show them. */
export const FORMAT_NAMES = Object.keys(FORMAT_SOURCES) as [FormatName, ...FormatName[]];

type MadeFrom<Source extends string> = {
  [Name in FormatName]: (typeof FORMAT_SOURCES)[Name] extends Source ? Name : never;
}[FormatName];

/** Formats that are made from disks and nothing else. */
export type DiskFormat = MadeFrom<'disk' | 'machine'>;

/** Formats that hold a root filesystem, or the disk that it is on. */
export type SystemFormat = MadeFrom<'rootfs' | 'system'>;

/** Whether a format is made from disks and nothing else. */
export function isDiskFormat(name: FormatName): name is DiskFormat {
  return ['disk', 'machine'].includes(FORMAT_SOURCES[name]);
}

/**
 * The largest disk that a format holds, or that its platform takes; the others hold whatever a file system does.
 * VHDX: MS-VHDX, section 2.6.2.2. VHD: what Hyper-V and Azure take of its 32 bits of sectors (Microsoft, Virtual hard disks).
 * VMware: configuration maximums of vSphere 5.5 and later.
 */
const LARGEST: Partial<Readonly<Record<FormatName, string>>> = {
  vhdx: '64 TiB',
  vhd: '2040 GiB',
  vmdk: '62 TiB',
  ova: '62 TiB',
};

/** The largest disk that a format holds, in bytes; Infinity where only the file system sets a limit. */
export function largestDisk(format: FormatName): number {
  return parseSize(LARGEST[format] ?? '') ?? Infinity;
}

/** Why a disk of so many bytes is none of this format; undefined when it is. */
export function tooLarge(format: FormatName, bytes: number): string | undefined {
  if (bytes <= largestDisk(format)) return undefined;
  return `${format} holds at most ${LARGEST[format] ?? ''}, and the disk has ${formatBytes(bytes)}`;
}
