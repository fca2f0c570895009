import type { OptionDeclaration } from './declarations.js';
import { MACHINE_OPTIONS } from './machine-options.js';

/** Who declares the options below, where the name of a collection is shown otherwise. */
export const CORE = 'imgbuild';

/** Options of imgbuild itself; everything else is declared by collections. */
export const CORE_OPTIONS = {
  ...MACHINE_OPTIONS,
  'apt.mirror': {
    type: 'string',
    default: '',
    pattern: '[a-z+]+:/[^\\s"\']+',
    help: "Archive that packages come from and that the image uses later; empty takes Debian's default.",
  },
  'apt.securityMirror': {
    type: 'string',
    default: '',
    pattern: 'none|[a-z+]+:/[^\\s"\']+',
    help: "Archive of security updates; empty takes Debian's default, `none` leaves them out.",
  },
  'apt.components': {
    type: 'list',
    default: ['main'],
    item: '[a-z0-9][a-z0-9/-]*',
    help: 'Components of the archive: main, contrib, non-free, non-free-firmware.',
  },
  'apt.variant': {
    type: 'enum',
    values: ['apt', 'minbase', 'essential', 'required', 'important', 'standard'],
    default: 'apt',
    help: 'Set of packages that every image starts with, by the names that mmdebstrap gives them.',
  },
  'apt.sources': {
    type: 'records',
    accumulate: true,
    fields: {
      name: {
        type: 'string',
        required: true,
        pattern: '[a-z0-9][a-z0-9_-]*',
        help: 'File name below /etc/apt/sources.list.d, without extension.',
      },
      uris: { type: 'list', required: true, item: '[a-z+]+:/\\S+', help: 'Addresses of the archive.' },
      suites: {
        type: 'list',
        default: [],
        item: '[A-Za-z0-9./_~-]+',
        help: 'Suites; empty takes the suite of the profile.',
      },
      components: { type: 'list', default: ['main'], item: '[A-Za-z0-9./_-]+', help: 'Components.' },
      key: { type: 'string', default: '', help: 'Armored public key, or path of a key file, that signs the archive.' },
    },
    help: 'Further archives, used while building and left configured in the image.',
  },
  mergedUsr: {
    type: 'boolean',
    default: true,
    help: 'Lay out the image with /bin, /sbin and /lib as links into /usr.',
  },
  'boot.secureBoot': {
    type: 'boolean',
    default: false,
    help: "Start UEFI machines through Debian's signed shim and GRUB, for firmware with Secure Boot on.",
  },
  'disk.firmware': {
    type: 'enum',
    values: ['none', 'uefi', 'bios', 'both'],
    default: 'none',
    help: 'What starts the machine; `none` for images without a disk, such as containers.',
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
  'disk.espSize': {
    type: 'size',
    default: '100M',
    help: 'Size of the EFI system partition.',
  },
  'disk.separateBoot': {
    type: 'boolean',
    default: false,
    help: 'Give /boot a file system of its own, ext4.',
  },
  'disk.bootSize': {
    type: 'size',
    default: '1G',
    help: 'Size of /boot, where it is a file system of its own.',
  },
  'disk.swap': {
    type: 'enum',
    values: ['none', 'partition', 'disk'],
    default: 'none',
    help: 'Where swap is: nowhere, in a partition before the root, or on a second disk of its own.',
  },
  'disk.swapSize': {
    type: 'size',
    default: '512M',
    help: 'Size of swap, where there is some.',
  },
  'disk.seed': {
    type: 'string',
    default: '',
    help: "What the UUIDs of disks come from: empty for the profile's name and layout, so that equal builds are equal; `random` for new ones with each build.",
  },
  'output.qcow2Compression': {
    type: 'enum',
    values: ['zstd', 'none'],
    default: 'zstd',
    help: 'Compression inside qcow2 images; `none` for hosts older than QEMU 5.1, and for the quickest disk.',
  },
  'output.zstdLevel': {
    type: 'integer',
    default: 3,
    min: 1,
    max: 19,
    help: 'Compression level of zstd outputs: higher is smaller and slower.',
  },
} as const satisfies Readonly<Record<string, OptionDeclaration>>;
