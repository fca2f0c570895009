import type { DiskLayout, Layer, Lvm } from './layout.js';

export const MIB = 2 ** 20;

/** What storage takes besides data, in bytes. */
export const GEOMETRY = {
  /** Partitions begin and end at multiples of it: what sfdisk, Windows and SSDs agree on. */
  align: MIB,
  /** Before the first partition: the partition table, and on MBR room for GRUB. */
  head: MIB,
  /** Behind the last one: the backup GPT takes 33 sectors; the disk stays a multiple of 1 MiB, as Azure wants it. */
  gptTail: MIB,
  /** Data offset of an md member; leaves room for a bitmap. */
  raidOffset: MIB,
  /** cryptsetup's own default for LUKS2. */
  luksHeader: 16 * MIB,
  /** lvm2's own defaults: start of the first extent, and its size. */
  peStart: MIB,
  extent: 4 * MIB,
} as const;

export function roundUp(bytes: number, unit: number): number {
  return Math.ceil(bytes / unit) * unit;
}

export function roundDown(bytes: number, unit: number): number {
  return Math.floor(bytes / unit) * unit;
}

/** Bytes that are no partition's on a disk. */
export function tableBytes(table: DiskLayout['table']): number {
  return GEOMETRY.head + (table === 'gpt' ? GEOMETRY.gptTail : 0);
}

/** Bytes that a layer takes when everything in it has a size; undefined when it takes what it is given. */
export function fixedBytes(layer: Layer): number | undefined {
  switch (layer.type) {
    case 'filesystem':
    case 'swap':
      return undefined;
    case 'raid1':
      return plus(fixedBytes(layer.content), GEOMETRY.raidOffset);
    case 'luks':
      return plus(fixedBytes(layer.content), GEOMETRY.luksHeader);
    case 'lvm': {
      const sizes = layer.volumes.map((volume) => volume.size);
      if (sizes.includes('rest')) return undefined;
      return sizes.reduce<number>((sum, size) => sum + volumeSize(size as number), GEOMETRY.peStart);
    }
  }
}

function plus(bytes: number | undefined, more: number): number | undefined {
  return bytes === undefined ? undefined : bytes + more;
}

/** Whole extents for a logical volume. */
export function volumeSize(size: number): number {
  return roundUp(size, GEOMETRY.extent);
}

/**
 * Size of every partition of a disk, `rest` worked out. May be zero, less, or NaN where the disk is too small or nothing
 * says how large it is: layout-check.ts tells.
 */
export function partitionSizes(disk: DiskLayout): number[] {
  const fixed = disk.partitions.map(({ size, content }) => {
    if (size !== 'rest') return roundUp(size, GEOMETRY.align);
    if (disk.size !== undefined) return undefined;
    const needed = content === undefined ? undefined : fixedBytes(content);
    return needed === undefined ? Number.NaN : roundUp(needed, GEOMETRY.align);
  });
  const taken = fixed.reduce<number>((sum, size) => sum + (size ?? 0), tableBytes(disk.table));
  const rest = roundDown((disk.size ?? 0) - taken, GEOMETRY.align);
  return fixed.map((size) => size ?? rest);
}

/** Size of a disk: as told, or as its partitions need it. */
export function diskBytes(disk: DiskLayout): number {
  if (disk.size !== undefined) return roundDown(disk.size, GEOMETRY.align);
  return partitionSizes(disk).reduce((sum, size) => sum + size, tableBytes(disk.table));
}

/** Size of every volume in a physical volume of so many bytes, `rest` worked out; as `partitionSizes`. */
export function volumeSizes(lvm: Lvm, bytes: number): number[] {
  const taken = lvm.volumes.reduce((sum, { size }) => sum + (size === 'rest' ? 0 : volumeSize(size)), 0);
  const room = roundDown(bytes - GEOMETRY.peStart, GEOMETRY.extent);
  return lvm.volumes.map(({ size }) => (size === 'rest' ? room - taken : volumeSize(size)));
}
