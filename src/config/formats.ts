/** What an image can be delivered as, and from what each format is made. */
export const FORMAT_SOURCES = {
  'tar.zst': 'rootfs',
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
