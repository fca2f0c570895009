import type { OptionDeclaration } from './declarations.js';

/** Options of the ready-made disks, for profiles that write out no tree of their own. */
export const DISK_OPTIONS = {
  'disk.firmware': {
    type: 'enum',
    values: ['none', 'uefi', 'bios', 'both'],
    default: 'none',
    help: 'What starts the machine: UEFI, a BIOS, or either of them from one image; `none` for images without a disk, such as containers.',
  },
  'disk.table': {
    type: 'enum',
    values: ['gpt', 'mbr'],
    default: 'gpt',
    help: 'Kind of partition table; `mbr`, with four partitions at most, for an old BIOS that refuses a GPT.',
  },
  'disk.size': {
    type: 'size',
    default: '0',
    help: 'Size of the disk that boots; 0 makes it as large as its partitions need.',
  },
  'disk.rootFormat': {
    type: 'enum',
    values: ['ext4', 'btrfs'],
    default: 'ext4',
    help: 'File system of /.',
  },
  'disk.rootSize': {
    type: 'size',
    default: '2G',
    help: 'Size of the root file system in the image; it grows to the disk at the first boot.',
  },
  'disk.compression': {
    type: 'enum',
    values: ['none', 'zstd', 'lzo', 'zlib'],
    default: 'none',
    help: 'Compression of the root file system, where it is btrfs.',
  },
  'disk.snapper': {
    type: 'boolean',
    default: false,
    help: 'Keep snapshots of the root file system with snapper, where it is btrfs.',
  },
  'disk.espSize': {
    type: 'size',
    default: '100M',
    help: 'Size of the EFI system partition.',
  },
  'disk.separateBoot': {
    type: 'boolean',
    default: false,
    help: 'Give /boot a file system of its own, ext4; with encryption it always has one.',
  },
  'disk.bootSize': {
    type: 'size',
    default: '1G',
    help: 'Size of /boot, where it is a file system of its own.',
  },
  'disk.raid': {
    type: 'boolean',
    default: false,
    help: 'Make /boot and the root storage arrays (RAID1); the image holds their first disk, others are added on the machine.',
  },
  'disk.raidDevices': {
    type: 'integer',
    default: 2,
    min: 1,
    max: 8,
    help: 'Disks that the arrays count; missing ones are simply added. With 1 they are whole as they are, and grown for more.',
  },
  'disk.luks.enable': {
    type: 'boolean',
    default: false,
    help: 'Encrypt the root storage (LUKS2); /boot stays readable, for GRUB opens no such storage.',
  },
  'disk.luks.passphrase': {
    type: 'secret',
    help: 'Opens the encrypted storage.',
  },
  'disk.luks.cipher': {
    type: 'enum',
    values: ['aes-xts-plain64', 'serpent-xts-plain64', 'twofish-xts-plain64'],
    default: 'aes-xts-plain64',
    help: 'Cipher of the encrypted storage, with a key of 512 bits.',
  },
  'disk.luks.sectorSize': {
    type: 'enum',
    values: ['512', '4096'],
    default: '512',
    help: 'Bytes that are encrypted together; 4096 is faster, and only for storage that never meets disks of 512.',
  },
  'disk.luks.pbkdf': {
    type: 'enum',
    values: ['argon2id', 'argon2i', 'pbkdf2'],
    default: 'argon2id',
    help: 'How the key of the storage comes from the passphrase.',
  },
  'disk.luks.memory': {
    type: 'size',
    default: '256M',
    help: 'Memory that opening takes, and that guessing takes for each try; not with pbkdf2.',
  },
  'disk.luks.iterations': {
    type: 'integer',
    default: 0,
    min: 0,
    max: 2_000_000_000,
    help: 'Passes of argon2, at least 4, or iterations of pbkdf2; 0 takes 4 or 1000000.',
  },
  'disk.lvm': {
    type: 'boolean',
    default: false,
    help: 'Make the root storage a volume group with logical volumes.',
  },
  'disk.volumeGroup': {
    type: 'string',
    default: 'vg0',
    help: 'Name of the volume group.',
  },
  'disk.logSize': {
    type: 'size',
    default: '0',
    help: 'Size of a file system of its own for /var/log, ext4; 0 leaves it in the root file system.',
  },
  'disk.aptSize': {
    type: 'size',
    default: '0',
    help: 'Size of a file system of its own for /var/cache/apt, ext4; 0 leaves it in the root file system.',
  },
  'disk.swap': {
    type: 'enum',
    values: ['none', 'partition', 'volume', 'disk'],
    default: 'none',
    help: 'Where swap is: nowhere, in a partition before the root, in a logical volume, which is encrypted with the others, or on a second disk of its own.',
  },
  'disk.swapSize': {
    type: 'size',
    default: '512M',
    help: 'Size of swap, where there is some.',
  },
  'disk.seed': {
    type: 'string',
    default: '',
    help: "What the UUIDs of disks come from: empty for the profile's name, so that equal builds are equal; `random` for new ones with each build.",
  },
} as const satisfies Readonly<Record<string, OptionDeclaration>>;
