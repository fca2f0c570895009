import type { OptionDeclaration } from './declarations.js';
import { DISK_OPTIONS } from './disk-options.js';
import { MACHINE_OPTIONS } from './machine-options.js';

/** What imgbuild itself refuses of a profile, as collections do with `refuse`. */
export const CORE_REFUSALS: readonly { when: readonly string[]; because: string; hint: string }[] = [
  {
    when: ['vm.properties=cloud-init', '!cloudInit.datasources=OVF'],
    because: 'the OVA would ask questions whose answers nothing in the image reads',
    hint: 'add the collection cloud-init, with OVF among cloudInit.datasources',
  },
];

/** Who declares the options below, where the name of a collection is shown otherwise. */
export const CORE = 'imgbuild';

/** Options of imgbuild itself; everything else is declared by collections. */
export const CORE_OPTIONS = {
  ...MACHINE_OPTIONS,
  'apt.mirror': {
    type: 'string',
    default: '',
    pattern: '[a-z+]+:/[^\\s"\']+',
    expects: 'an address, such as http://archive.example.org/debian',
    help: "Archive that packages come from and that the image uses later; empty takes Debian's default.",
  },
  'apt.securityMirror': {
    type: 'string',
    default: '',
    pattern: 'none|[a-z+]+:/[^\\s"\']+',
    expects: '`none` or an address, such as http://archive.example.org/debian-security',
    help: "Archive of security updates; empty takes Debian's default, `none` leaves them out.",
  },
  'apt.updates': {
    type: 'boolean',
    default: true,
    help: 'Have what Debian publishes for a stable release between its point releases; mirrors may lack it.',
  },
  'apt.components': {
    type: 'list',
    default: ['main'],
    item: '[a-z0-9][a-z0-9/-]*',
    expects: 'a component, such as main or non-free-firmware',
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
        expects: 'a name of lower-case letters, digits, _ and -',
        help: 'File name below /etc/apt/sources.list.d, without extension.',
      },
      uris: {
        type: 'list',
        required: true,
        item: '[a-z+]+:/\\S+',
        expects: 'an address, such as http://archive.example.org/debian',
        help: 'Addresses of the archive.',
      },
      suites: {
        type: 'list',
        default: [],
        item: '[A-Za-z0-9./_~-]+',
        expects: 'a suite, such as bookworm-backports, or a path such as ./',
        help: 'Suites, or a path that ends with a slash where the archive is flat; empty takes the suite of the profile.',
      },
      components: {
        type: 'list',
        default: ['main'],
        item: '[A-Za-z0-9./_-]+',
        expects: 'a component, such as main',
        help: 'Components; a suite that is a path (`./`) has none.',
      },
      key: {
        type: 'string',
        default: '',
        help: 'Armored public key that signs the archive, or path of a file with it, relative to the file that names it.',
      },
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
  ...DISK_OPTIONS,
  'output.qcow2Compression': {
    type: 'enum',
    values: ['zstd', 'none'],
    default: 'none',
    help: 'Compression inside qcow2 images: `zstd` makes a third of the size, takes longer, and needs QEMU 5.1 or newer.',
  },
  'output.zstdLevel': {
    type: 'integer',
    default: 3,
    min: 1,
    max: 19,
    help: 'Compression level of zstd outputs: higher is smaller and slower.',
  },
} as const satisfies Readonly<Record<string, OptionDeclaration>>;
