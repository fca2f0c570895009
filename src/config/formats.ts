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
