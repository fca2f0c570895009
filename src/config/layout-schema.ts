import type { z } from 'zod';

import { BIOS_BOOT_BYTES, MAIN_DISK } from './layout-ready.js';
import { MIB } from './layout-sizes.js';
import {
  FILESYSTEMS,
  PARTITION_TYPES,
  type DiskLayout,
  type Extent,
  type Filesystem,
  type Layer,
  type Partition,
  type PartitionType,
  type Storage,
  type Swap,
} from './layout.js';
import { lazily } from './lazy.js';
import { nearest } from './suggest.js';
import { parseSize } from '../units.js';

/** Room for shim, GRUB and a firmware update; what the option disk.espSize says, too. */
const ESP_BYTES = 100 * MIB;

/** More than nothing, in a form that parseSize takes. */
const SIZE = /^(?!0+(?:\.0*)?\D*$)\d+(?:\.\d+)?\s*[kKmMgGtT]?(?:[iI]?[bB])?$/;

/** A union passes on what is wrong with text, so its own message and that of the text have to be the same. */
const sizeError = (more: string) => ({
  error: (issue: { readonly input: unknown }) =>
    `${JSON.stringify(issue.input)} is not a size, such as 512M or 10G${more}`,
});

const Bytes = lazily((z) =>
  z
    .union([z.int().positive(sizeError('')), z.string().regex(SIZE, sizeError(''))], sizeError(''))
    .meta({ description: 'Such as 512M or 10G.' }),
);

const Size = lazily((z) =>
  z
    .union(
      [
        z.literal('rest'),
        z.int().positive(sizeError(', nor "rest"')),
        z.string().regex(SIZE, sizeError(', nor "rest"')),
      ],
      sizeError(', nor "rest"'),
    )
    .meta({ description: 'Such as 512M or 10G; `rest`: what the others leave.' }),
);

const Name = lazily((z) => z.string().min(1, { error: 'needs a name' }));

const Label = lazily((z) => z.string().meta({ description: 'Label of the file system; the name above by default.' }));

const Mountpoint = lazily((z) =>
  z
    .string()
    .regex(/^\/$|^(?:\/(?!\.{1,2}(?:\/|$))[^/\0\n]+)+$/, {
      error: (issue) => `${JSON.stringify(issue.input)} is not an absolute path such as /var/log`,
    })
    .meta({ description: 'Where it is mounted in the image.' }),
);

const FilesystemTree = lazily((z) =>
  z.strictObject({
    type: z.literal('filesystem'),
    format: z.enum(FILESYSTEMS),
    mountpoint: Mountpoint(),
    label: Label().optional(),
    options: z
      .array(z.string().regex(/^[^\s,#]+$/, { error: 'must be one mount option' }))
      .optional()
      .meta({ description: 'Mount options instead of the usual ones.' }),
    compression: z.enum(['none', 'zstd', 'lzo', 'zlib']).optional().meta({ description: 'btrfs only.' }),
    snapper: z.boolean().optional().meta({ description: 'btrfs only: keep snapshots with snapper.' }),
  }),
);

const SwapTree = lazily((z) => z.strictObject({ type: z.literal('swap'), label: Label().optional() }));

const VolumeTree = lazily((z) =>
  z.strictObject({
    name: Name().meta({ description: 'Name of the logical volume.' }),
    size: Size(),
    content: z.discriminatedUnion('type', [FilesystemTree(), SwapTree()], {
      error: (issue) => kindMessage(issue.input, ['filesystem', 'swap']),
    }),
  }),
);

const LvmTree = lazily((z) =>
  z.strictObject({
    type: z.literal('lvm'),
    name: Name().optional().meta({ description: 'Name of the volume group; vg0 by default.' }),
    volumes: z.array(VolumeTree()).min(1),
  }),
);

const Passphrase = lazily((z) =>
  z
    .union(
      [
        z.string().min(1),
        z.strictObject({ env: z.string().min(1) }),
        z.strictObject({ file: z.string().min(1) }),
        z.strictObject({ command: z.string().min(1) }),
      ],
      // The text is not shown: it may hold what is secret.
      { error: 'needs the text itself, or one of env, file and command with where it comes from' },
    )
    .meta({ description: 'Opens the storage; better from env, file or command than here.' }),
);

const LuksTree = lazily((z) =>
  z.strictObject({
    type: z.literal('luks'),
    name: Name().optional().meta({ description: 'Name below /dev/mapper; NAME_crypt by default.' }),
    passphrase: Passphrase(),
    cipher: z.enum(['aes-xts-plain64', 'serpent-xts-plain64', 'twofish-xts-plain64']).optional(),
    keyBits: z.union([z.literal(256), z.literal(512)]).optional(),
    sectorSize: z.union([z.literal(512), z.literal(4096)]).optional(),
    pbkdf: z.enum(['argon2id', 'argon2i', 'pbkdf2']).optional(),
    pbkdfMemory: Bytes().optional().meta({ description: 'Memory that opening takes, for argon2.' }),
    pbkdfIterations: z.int().min(4).optional(),
    content: z.discriminatedUnion('type', [LvmTree(), FilesystemTree(), SwapTree()], {
      error: (issue) => kindMessage(issue.input, ['lvm', 'filesystem', 'swap']),
    }),
  }),
);

const Raid1Tree = lazily((z) =>
  z.strictObject({
    type: z.literal('raid1'),
    name: Name().optional().meta({ description: 'Name below /dev/md; the name above by default.' }),
    devices: z
      .int()
      .min(1)
      .max(8)
      .optional()
      .meta({ description: 'Disks of the array; the image holds the first one. 2 by default.' }),
    content: z.discriminatedUnion('type', [LuksTree(), LvmTree(), FilesystemTree(), SwapTree()], {
      error: (issue) => kindMessage(issue.input, ['luks', 'lvm', 'filesystem', 'swap']),
    }),
  }),
);

const PartitionTree = lazily((z) =>
  z.strictObject({
    name: Name().meta({ description: 'Name in the partition table.' }),
    type: z.enum(PARTITION_TYPES).optional().meta({ description: 'By its content, when not given.' }),
    size: Size().optional(),
    content: z
      .discriminatedUnion('type', [Raid1Tree(), LuksTree(), LvmTree(), FilesystemTree(), SwapTree()], {
        error: (issue) => kindMessage(issue.input, ['raid1', 'luks', 'lvm', 'filesystem', 'swap']),
      })
      .optional()
      .meta({ description: 'Not needed for types bios-boot, esp and swap.' }),
  }),
);

const DiskTree = lazily((z) =>
  z.strictObject({
    name: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]*$/, { error: 'must be of lower-case letters, digits and dashes' })
      .optional()
      .meta({ description: 'Part of the name of the file.' }),
    table: z.enum(['gpt', 'mbr']).optional().meta({ description: 'Kind of partition table; gpt by default.' }),
    size: Bytes().optional().meta({ description: 'As much as the partitions need, when not given.' }),
    partitions: z.array(PartitionTree()).min(1),
  }),
);

/** The key `disk` of a profile: one disk, or several of which the first one boots. */
export const StorageTree = lazily((z) =>
  z
    .union([DiskTree(), z.array(DiskTree()).min(1)])
    .meta({ description: 'The storage: one disk, or a list of which the first one boots.' }),
);

type DiskTree = z.infer<ReturnType<typeof DiskTree>>;
type PartitionTree = z.infer<ReturnType<typeof PartitionTree>>;
type LayerTree = NonNullable<PartitionTree['content']>;
type DataTree = z.infer<ReturnType<typeof VolumeTree>>['content'];

function kindMessage(input: unknown, kinds: readonly string[]): string {
  const list = kinds.join(', ');
  const kind: unknown = typeof input === 'object' && input !== null && 'type' in input ? input.type : undefined;
  if (typeof kind !== 'string') return `needs a type: one of ${list}`;
  const near = nearest(kind, kinds);
  return `"${kind}" cannot be here, only ${list}${near === undefined ? '' : `: did you mean "${near}"?`}`;
}

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
        name: tree.name ?? `${name}_crypt`,
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
