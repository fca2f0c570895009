import { GEOMETRY, MIB } from './layout-sizes.js';
import {
  FIRMWARES,
  type DiskLayout,
  type Filesystem,
  type FilesystemFormat,
  type Layer,
  type Luks,
  type Partition,
  type Storage,
  type Swap,
  type Volume,
} from './layout.js';
import type { OptionValue } from './types.js';
import { parseSize } from '../units.js';

type Options = Readonly<Record<string, OptionValue>>;

/** Name of the disk that boots; files of it are called so, too. */
export const MAIN_DISK = 'rootfs';

/** Name of the encrypted storage below /dev/mapper. */
export const READY_LUKS = 'root_crypt';

/** GRUB's core image has some 100 KiB for what it needs here; less than this cannot be aligned. */
export const BIOS_BOOT_BYTES = MIB;

/** The storage that the options `disk.*` describe, for profiles that bring no tree of their own; none for containers. */
export function readyStorage(options: Options): Storage | undefined {
  const firmware = FIRMWARES.find((name) => name === options['disk.firmware']) ?? 'none';
  if (firmware === 'none') return undefined;
  const table = options['disk.table'] === 'mbr' ? 'mbr' : 'gpt';
  const size = sizeOf(options, 'disk.size');
  const swap = options['disk.swap'];
  const separateBoot = options['disk.separateBoot'] === true || options['disk.luks.enable'] === true;
  const partitions: Partition[] = [
    ...(firmware === 'uefi' || table === 'mbr' ? [] : [biosBoot()]),
    ...(firmware === 'bios' ? [] : [esp(sizeOf(options, 'disk.espSize'))]),
    ...(separateBoot ? [mirrored(options, boot(sizeOf(options, 'disk.bootSize')))] : []),
    // The machine goes on when a disk fails only if swap does, too.
    ...(swap === 'partition' ? [mirrored(options, swapPartition(sizeOf(options, 'disk.swapSize')))] : []),
    ...(options['disk.lvm'] === true ? [] : further(options).map((volume) => mirrored(options, partitionOf(volume)))),
    // Last, so that it can grow at the first boot.
    rootPartition(options, size),
  ];
  const main: DiskLayout = { name: MAIN_DISK, table, ...(size === 0 ? {} : { size }), partitions };
  if (swap !== 'disk') return { firmware, disks: [main] };
  const second: DiskLayout = {
    name: 'swap',
    table: 'gpt',
    partitions: [swapPartition(sizeOf(options, 'disk.swapSize'))],
  };
  return { firmware, disks: [main, second] };
}

function sizeOf(options: Options, name: string): number {
  const value = options[name];
  return typeof value === 'string' ? (parseSize(value) ?? 0) : 0;
}

function textOf(options: Options, name: string): string {
  const value = options[name];
  return typeof value === 'string' ? value : '';
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
  return { name: 'swap', type: 'swap', size, content: swapSpace() };
}

function swapSpace(): Swap {
  return { type: 'swap', label: 'swap' };
}

/** File systems besides the root that the options ask for. */
function further(options: Options): (Volume & { readonly size: number })[] {
  return (
    [
      ['log', '/var/log', 'disk.logSize'],
      ['apt', '/var/cache/apt', 'disk.aptSize'],
    ] as const
  ).flatMap(([name, mountpoint, option]) => {
    const size = sizeOf(options, option);
    return size === 0 ? [] : [{ name, size, content: filesystem('ext4', mountpoint, name) }];
  });
}

function partitionOf({ name, size, content }: Volume): Partition {
  return { name, type: 'linux', size, content };
}

/** A partition as a member of an array of its own, when there are to be arrays. */
function mirrored(options: Options, partition: Partition): Partition {
  const { content } = partition;
  if (options['disk.raid'] !== true || content === undefined) return partition;
  return { ...partition, type: 'raid', content: raid1(options, partition.name, content) };
}

function raid1(options: Options, name: string, content: Layer): Layer {
  return { type: 'raid1', name, devices: Number(options['disk.raidDevices']), content };
}

/** All that the root file system lies in, from the outermost to the innermost. */
function rootPartition(options: Options, diskSize: number): Partition {
  const lvm = options['disk.lvm'] === true;
  const luks = options['disk.luks.enable'] === true;
  const raid = options['disk.raid'] === true;
  const size = sizeOf(options, 'disk.rootSize');
  const root = rootFilesystem(options);
  const data: Layer = lvm
    ? { type: 'lvm', name: textOf(options, 'disk.volumeGroup'), volumes: volumes(options, root, size) }
    : root;
  const inner: Layer = luks ? encrypted(options, data) : data;
  const around = (luks ? GEOMETRY.luksHeader : 0) + (raid ? GEOMETRY.raidOffset : 0);
  return {
    name: 'root',
    type: raid ? 'raid' : luks ? 'luks' : lvm ? 'lvm' : 'root',
    // A volume group without a size is as large as its volumes.
    size: diskSize > 0 || lvm ? 'rest' : size + around,
    content: raid ? raid1(options, 'root', inner) : inner,
  };
}

function rootFilesystem(options: Options): Filesystem {
  if (options['disk.rootFormat'] !== 'btrfs') return filesystem('ext4', '/', 'root');
  const compression = (['zstd', 'lzo', 'zlib'] as const).find((name) => name === options['disk.compression']) ?? '';
  return { ...filesystem('btrfs', '/', 'root'), compression, snapper: options['disk.snapper'] === true };
}

function volumes(options: Options, root: Filesystem, size: number): Volume[] {
  const swap = { name: 'swap', size: sizeOf(options, 'disk.swapSize'), content: swapSpace() };
  // Root last: it grows into the free space behind it without being cut in two.
  return [
    ...further(options),
    ...(options['disk.swap'] === 'volume' ? [swap] : []),
    { name: 'root', size, content: root },
  ];
}

function encrypted(options: Options, content: Layer): Luks {
  const pbkdf = (['argon2i', 'pbkdf2'] as const).find((name) => name === options['disk.luks.pbkdf']) ?? 'argon2id';
  const cipher = textOf(options, 'disk.luks.cipher');
  const iterations = Number(options['disk.luks.iterations']);
  return {
    type: 'luks',
    name: READY_LUKS,
    cipher,
    keyBits: 512,
    sectorSize: options['disk.luks.sectorSize'] === '4096' ? 4096 : 512,
    pbkdf,
    pbkdfMemory: Math.ceil(sizeOf(options, 'disk.luks.memory') / 1024),
    pbkdfIterations: iterations > 0 ? iterations : pbkdf === 'pbkdf2' ? 1_000_000 : 4,
    content,
  };
}

function filesystem(format: FilesystemFormat, mountpoint: string, label: string): Filesystem {
  return { type: 'filesystem', format, mountpoint, label, options: [], compression: '', snapper: false };
}
