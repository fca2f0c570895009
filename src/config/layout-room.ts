import type { Path } from './document.js';
import type { DiskLayout, Extent, Layer } from './layout.js';
import { GEOMETRY, MIB, diskBytes, partitionSizes, roundUp, tableBytes, volumeSizes } from './layout-sizes.js';
import type { Fault } from './options.js';

/** Exactly, unlike `2.1 GiB` for what is there and for what is needed. */
function mebibytes(bytes: number): string {
  return `${String(Math.ceil(bytes / MIB))} MiB`;
}

/** What an MBR can address: 2³² sectors of 512 bytes. */
const MBR_BYTES = 2 ** 41;

/** Beyond it, offsets in bytes would no longer be exact numbers. */
const LARGEST_DISK = 2 ** 52;

/** Sizes that do not fit, with what is needed by whom. */
export function checkRoom(disk: DiskLayout, index: number): Fault[] {
  const path = [index, 'partitions'];
  const several = severalRests(disk.partitions, path, 'partition');
  if (several.length > 0) return several;
  const open = disk.partitions.findIndex((_, n) => Number.isNaN(partitionSizes(disk)[n]));
  if (open >= 0) {
    const name = disk.partitions[open]?.name ?? '';
    const message = `partition "${name}" is to have what the others leave, and the disk has no size`;
    return [{ path: [...path, open], message, hint: 'give the partition or the disk a size' }];
  }
  const sizes = partitionSizes(disk);
  const bytes = diskBytes(disk);
  const faults = overfull(disk, sizes, index);
  if (disk.table === 'mbr' && bytes > MBR_BYTES) {
    const message = `an MBR reaches no further than 2 TiB, and the disk has ${mebibytes(bytes)}`;
    faults.push({ path: [index, 'table'], message, hint: 'use table: gpt' });
  } else if (bytes > LARGEST_DISK)
    faults.push({ path: [index, 'size'], message: 'the disk is larger than 4096 TiB', hint: 'is the unit right?' });
  if (faults.length > 0) return faults;
  return disk.partitions.flatMap(({ name, content }, n) => {
    const size = sizes[n] ?? 0;
    return content === undefined ? [] : checkLayer(content, size, [...path, n], `partition "${name}"`);
  });
}

function severalRests(items: readonly { readonly size: Extent }[], path: Path, what: string): Fault[] {
  const rests = [...items.keys()].filter((n) => items[n]?.size === 'rest');
  return rests.slice(1).map((n) => ({
    path: [...path, n, 'size'],
    message: `only one ${what} can have what the others leave`,
    hint: 'give the others a size',
  }));
}

function overfull(disk: DiskLayout, sizes: readonly number[], index: number): Fault[] {
  if (disk.size === undefined) return [];
  const wanted = disk.partitions.map(({ name, size, content }, n) => {
    // Where the rest goes, something must be left for what it holds.
    const bytes = size === 'rest' ? roundUp(content === undefined ? MIB : leastBytes(content), MIB) : (sizes[n] ?? 0);
    return { name, bytes };
  });
  const needed = wanted.reduce((sum, { bytes }) => sum + bytes, tableBytes(disk.table));
  if (needed <= disk.size) return [];
  const parts = wanted.map(({ name, bytes }) => `${name} ${mebibytes(bytes)}`).join(', ');
  const table = `partition table ${mebibytes(tableBytes(disk.table))}`;
  return [
    {
      path: [index, 'size'],
      message: `the disk has ${mebibytes(disk.size)}, and ${mebibytes(needed)} are needed: ${parts}, ${table}`,
      hint: 'enlarge the disk, or leave its size out',
    },
  ];
}

/** Checks that a layer fits in so many bytes, and what it holds in what is left. */
function checkLayer(layer: Layer, bytes: number, path: Path, holder: string): Fault[] {
  const least = leastBytes(layer);
  if (layer.type !== 'lvm' && bytes < least) {
    const message = `${holder} has ${mebibytes(bytes)}, and ${describe(layer)} needs ${mebibytes(least)}`;
    return [{ path: [...path, 'size'], message, hint: 'make it larger' }];
  }
  const content = [...path, 'content'];
  switch (layer.type) {
    case 'filesystem':
    case 'swap':
      return [];
    case 'raid1':
      return checkLayer(layer.content, bytes - GEOMETRY.raidOffset, content, holder);
    case 'luks':
      return checkLayer(layer.content, bytes - GEOMETRY.luksHeader, content, holder);
    case 'lvm': {
      const volumes = [...content, 'volumes'];
      const several = severalRests(layer.volumes, volumes, 'volume');
      if (several.length > 0) return several;
      const sizes = volumeSizes(layer, bytes);
      const wanted = layer.volumes.map(({ name, size, content: data }, n) => {
        const own = size === 'rest' ? roundUp(leastBytes(data), GEOMETRY.extent) : (sizes[n] ?? 0);
        return { name, bytes: own };
      });
      const needed = wanted.reduce((sum, volume) => sum + volume.bytes, GEOMETRY.peStart);
      if (needed > bytes) {
        const parts = wanted.map((volume) => `${volume.name} ${mebibytes(volume.bytes)}`).join(', ');
        const message = `${holder} leaves ${mebibytes(bytes)} to volume group "${layer.name}", which needs ${mebibytes(needed)}: ${parts}, its own data ${mebibytes(GEOMETRY.peStart)}`;
        return [{ path: volumes, message, hint: `make ${holder} larger, or the volumes smaller` }];
      }
      return layer.volumes.flatMap(({ name, content: data }, n) =>
        checkLayer(data, sizes[n] ?? 0, [...volumes, n], `volume "${name}"`),
      );
    }
  }
}

function describe(layer: Layer): string {
  if (layer.type === 'filesystem') return layer.format;
  return layer.type === 'swap' ? 'swap' : `${layer.type} with what it holds`;
}

/** Least bytes with which a layer can be made at all. */
function leastBytes(layer: Layer): number {
  switch (layer.type) {
    case 'filesystem':
      return LEAST[layer.format];
    case 'swap':
      return MIB;
    case 'raid1':
      return GEOMETRY.raidOffset + leastBytes(layer.content);
    case 'luks':
      return GEOMETRY.luksHeader + leastBytes(layer.content);
    case 'lvm':
      return layer.volumes.reduce(
        (sum, { size, content }) => sum + roundUp(size === 'rest' ? leastBytes(content) : size, GEOMETRY.extent),
        GEOMETRY.peStart,
      );
  }
}

/**
 * ext4 with its journal (mke2fs makes none below 2048 blocks of 4 KiB); btrfs by mkfs.btrfs, which refuses anything below
 * 109 MiB with metadata kept twice; FAT32, which is not FAT32 below 65525 clusters of 512 bytes, tables added.
 */
const LEAST = { ext4: 8 * MIB, btrfs: 109 * MIB, vfat: 34 * MIB } as const;
