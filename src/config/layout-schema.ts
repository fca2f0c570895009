import type { z } from 'zod';

import { FILESYSTEMS, PARTITION_TYPES } from './layout.js';
import { lazily } from './lazy.js';
import { nearest } from './suggest.js';

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
      .array(z.string().regex(/^[^\s,#]+$/, { error: 'must be one mount option: each is an entry of the list' }))
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
        z.string().min(1, { error: 'is empty: whoever starts the machine would open it' }),
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
    keyBits: z.literal([256, 512]).optional(),
    sectorSize: z.literal([512, 4096]).optional(),
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
      .min(1, { error: 'an array has 1 to 8 disks' })
      .max(8, { error: 'an array has 1 to 8 disks' })
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
    .union([DiskTree(), z.array(DiskTree()).min(1)], {
      error: (issue) => (issue.input === null ? 'needs a disk with partitions, or a list of disks' : undefined),
    })
    .meta({ description: 'The storage: one disk, or a list of which the first one boots.' }),
);

export type DiskTree = z.infer<ReturnType<typeof DiskTree>>;
export type PartitionTree = z.infer<ReturnType<typeof PartitionTree>>;
export type LayerTree = NonNullable<PartitionTree['content']>;
export type DataTree = z.infer<ReturnType<typeof VolumeTree>>['content'];

function kindMessage(input: unknown, kinds: readonly string[]): string {
  const list = kinds.join(', ');
  const kind: unknown = typeof input === 'object' && input !== null && 'type' in input ? input.type : undefined;
  if (typeof kind !== 'string') return `needs a type: one of ${list}`;
  const near = nearest(kind, kinds);
  return `"${kind}" cannot be here, only ${list}${near === undefined ? '' : `: did you mean "${near}"?`}`;
}
