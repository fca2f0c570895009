import { BIOS_BOOT_BYTES, MAIN_DISK } from './layout-ready.js';
import type { DataTree, DiskTree, LayerTree, PartitionTree } from './layout-schema.js';
import { MIB } from './layout-sizes.js';
import type { DiskLayout, Extent, Filesystem, Layer, Partition, PartitionType, Storage, Swap } from './layout.js';
import { parseSize } from '../units.js';

/** Room for shim, GRUB and a firmware update; what the option disk.espSize says, too. */
const ESP_BYTES = 100 * MIB;

/** The storage that a tree means, defaults filled in. The tree must have passed the schema. */
export function storageFrom(tree: unknown, firmware: Storage['firmware']): Storage {
  const disks = (Array.isArray(tree) ? tree : [tree]) as readonly DiskTree[];
  return { firmware, disks: disks.map(diskFrom) };
}

function diskFrom({ name, table, size, partitions }: DiskTree, index: number): DiskLayout {
  return {
    name: name ?? (index === 0 ? MAIN_DISK : `disk${String(index + 1)}`),
    table: table ?? 'gpt',
    ...(size === undefined ? {} : { size: bytesOf(size) }),
    partitions: partitions.map(partitionFrom),
  };
}

function partitionFrom({ name, type, size, content }: PartitionTree): Partition {
  const layer = content === undefined ? impliedContent(type, name) : layerFrom(content, name);
  return {
    name,
    type: type ?? (layer === undefined ? 'linux' : typeFor(layer)),
    size: size === undefined ? usualSize(type) : extentOf(size),
    ...(layer === undefined ? {} : { content: layer }),
  };
}

function usualSize(type: PartitionType | undefined): Extent {
  if (type === 'bios-boot') return BIOS_BOOT_BYTES;
  return type === 'esp' ? ESP_BYTES : 'rest';
}

/** What a partition holds whose type says all. */
function impliedContent(type: PartitionType | undefined, name: string): Layer | undefined {
  if (type === 'swap') return dataFrom({ type: 'swap' }, name);
  if (type !== 'esp') return undefined;
  return dataFrom({ type: 'filesystem', format: 'vfat', mountpoint: '/boot/efi' }, name);
}

function typeFor(layer: Layer): PartitionType {
  switch (layer.type) {
    case 'filesystem':
      if (layer.mountpoint === '/') return 'root';
      return layer.format === 'vfat' && layer.mountpoint === '/boot/efi' ? 'esp' : 'linux';
    case 'swap':
    case 'luks':
    case 'lvm':
      return layer.type;
    case 'raid1':
      return 'raid';
  }
}

function layerFrom(tree: LayerTree, name: string): Layer {
  switch (tree.type) {
    case 'filesystem':
    case 'swap':
      return dataFrom(tree, name);
    case 'raid1': {
      const { type, devices, content } = tree;
      return { type, name: tree.name ?? name, devices: devices ?? 2, content: layerFrom(content, name) };
    }
    case 'luks':
      return {
        type: tree.type,
        name: luksName(name, tree.name),
        cipher: tree.cipher ?? 'aes-xts-plain64',
        keyBits: tree.keyBits ?? 512,
        // A volume group does not take a second disk with sectors of another size.
        sectorSize: tree.sectorSize ?? 512,
        pbkdf: tree.pbkdf ?? 'argon2id',
        pbkdfMemory: Math.ceil(bytesOf(tree.pbkdfMemory ?? '256M') / 1024),
        pbkdfIterations: tree.pbkdfIterations ?? (tree.pbkdf === 'pbkdf2' ? 1_000_000 : 4),
        content: layerFrom(tree.content, name),
      };
    case 'lvm': {
      const volumes = tree.volumes.map((volume) => ({
        name: volume.name,
        size: extentOf(volume.size),
        content: dataFrom(volume.content, volume.name),
      }));
      return { type: tree.type, name: tree.name ?? 'vg0', volumes };
    }
  }
}

function dataFrom(tree: DataTree, name: string): Filesystem | Swap {
  const { type } = tree;
  if (type === 'swap') return { type, label: tree.label ?? name };
  const { format, mountpoint } = tree;
  return {
    type,
    format,
    mountpoint,
    label: tree.label ?? (format === 'vfat' ? name.toUpperCase() : name),
    options: tree.options ?? [],
    compression: tree.compression === undefined || tree.compression === 'none' ? '' : tree.compression,
    snapper: tree.snapper ?? false,
  };
}

function extentOf(size: number | string): Extent {
  return size === 'rest' ? size : bytesOf(size);
}

function bytesOf(size: number | string): number {
  return typeof size === 'number' ? size : (parseSize(size) ?? 0);
}

/** The name below /dev/mapper: as given, or the partition's with an ending. */
export function luksName(partition: string, given: unknown): string {
  return typeof given === 'string' ? given : `${partition}_crypt`;
}
