import { HYPERVISORS } from '../../output/drivers.js';
import { INCUS_ARCHITECTURES } from '../../output/incus.js';
import type { TreeFacts } from '../facts.js';
import { lookup, textOf } from '../tree.js';
import { ruleOn, when, type Platform, type Rule } from '../types.js';
import { driverRule } from './drivers.js';
import { elfArchitecture } from './elf.js';
import { some } from './proxmox-ct.js';

const INCUS: readonly Platform[] = ['incus'];

/** What Incus knows a packing by its first bytes (shared/archive). */
const PACKINGS = ['none', 'gzip', 'xz', 'zstd', 'bzip2'];

const MOMENTS = ['create', 'copy', 'start'];

/** Ids that an unprivileged container has at least. */
const MAPPED_IDS = 65536;

/** Names of files of which everybody sees that they belong to an image for Incus. */
const NAMED = /(^|\.)(incus|lxd)\.(tar(\.\w+)?|squashfs|qcow2)$/i;

/** Images for Incus and LXD. */
export const INCUS_RULES: readonly Rule[] = [
  {
    id: 'INCUS-FORMAT',
    severity: 'error',
    platforms: INCUS,
    title: 'The file is a tar archive, a squashfs or a qcow2',
    source: 'Incus takes nothing else (doc/reference/image_format.md)',
    advice: 'imgbuild build --format incus, or imgbuild convert --to qcow2',
    check: ({ file, incus, archive, filesystem, qcow2 }) => {
      const known = incus !== undefined || archive !== undefined || filesystem?.kind === 'squashfs';
      return when(!known && qcow2 === undefined, `${file.name} is none of them`);
    },
  },
  {
    id: 'INCUS-SPLIT',
    severity: 'warning',
    platforms: INCUS,
    title: 'A system comes with its metadata: in one archive, or named as one of two files',
    source: 'Incus refuses a disk or a filesystem without metadata beside it (doc/reference/image_format.md)',
    advice: 'imgbuild build --format incus or incus-split; or make metadata.tar as the hand-over says',
    check: ({ file, incus }) => when(incus === undefined && !NAMED.test(file.name), `${file.name} holds no metadata`),
  },
  ruleOn('incus', INCUS, {
    id: 'INCUS-ARCHIVE',
    severity: 'error',
    title: 'The archive is whole, and packed with gzip, xz, zstd or bzip2, or not at all',
    source: 'Incus goes by the first bytes of the file (shared/archive), and gives the rest to tar',
    advice: 'build or copy the file again',
    check: ({ archive, defects }) => [
      ...defects.map((message) => ({ message })),
      ...when(!PACKINGS.includes(archive.compression), 'it is packed in a way that Incus does not know'),
    ],
  }),
  ruleOn('incus', INCUS, {
    id: 'INCUS-PACKING',
    severity: 'warning',
    title: 'The archive is packed with gzip or xz',
    source: 'LXD before 5.0 and old tools on hosts read no other; `incus publish` makes gzip by itself',
    advice: 'pack it anew with gzip or xz',
    check: ({ archive: { compression } }) =>
      when(PACKINGS.includes(compression) && !['gzip', 'xz'].includes(compression), `it is ${compression}`),
  }),
  ruleOn('incus', INCUS, {
    id: 'INCUS-METADATA',
    severity: 'error',
    title: 'metadata.yaml tells architecture and creation_date',
    source: 'Incus refuses images without either (doc/reference/image_format.md)',
    advice: 'add them: architecture as `uname -m` tells it, creation_date in seconds since 1970',
    check: ({ architecture, creationDate, defects }) =>
      defects.length > 0
        ? []
        : [
            ...when(architecture === '', 'there is no architecture', 'metadata.yaml'),
            ...when(creationDate === undefined, 'there is no creation_date, or it is no number', 'metadata.yaml'),
          ],
  }),
  ruleOn('incus', INCUS, {
    id: 'INCUS-FIRST',
    severity: 'warning',
    title: 'metadata.yaml is the first file of the archive',
    source: 'Incus reads up to it when an image is imported: behind a system it has to read all of that',
    advice: 'make the archive with `tar -cf FILE metadata.yaml templates rootfs`',
    check: ({ first, defects }) => when(!first && defects.length === 0, 'other files come before it'),
  }),
  ruleOn('incus', INCUS, {
    id: 'INCUS-TEMPLATES',
    severity: 'error',
    title: 'Every template of metadata.yaml is in templates/, and is used at create, copy or start',
    source: 'an instance of an image with a template that is missing does not start',
    advice: 'add the file, or remove the entry',
    check: ({ templates, members }) =>
      templates.flatMap(({ path, template, when: moments }) => [
        ...when(!members.includes(`templates/${template}`), `there is no templates/${template}`, path),
        ...when(
          moments.length === 0 || moments.some((moment) => !MOMENTS.includes(moment)),
          `it is used at ${moments.join(', ') || 'no time'}`,
          path,
        ),
      ]),
  }),
  {
    id: 'INCUS-ARCHITECTURE',
    severity: 'error',
    platforms: INCUS,
    title: 'The architecture is one that Incus knows, and that /bin/sh is a program of',
    source: 'Incus refuses unknown names (shared/osarch), and places instances by it in a cluster',
    advice: 'build for the architecture of the host',
    check: ({ incus, tree }) => {
      if (incus === undefined || incus.architecture === '') return undefined;
      const debian = Object.entries(INCUS_ARCHITECTURES).find(([, name]) => name === incus.architecture)?.[0];
      // Incus takes Debian's names as well.
      const named = debian ?? (incus.architecture in INCUS_ARCHITECTURES ? incus.architecture : undefined);
      const real = tree === undefined ? undefined : elfArchitecture(textOf(tree, 'bin/sh') ?? '');
      return [
        ...when(named === undefined, `the architecture ${incus.architecture} is unknown`, 'metadata.yaml'),
        ...when(
          named !== undefined && real !== undefined && named !== real,
          `the architecture is ${incus.architecture}, and it is a program for ${real ?? ''}`,
          '/bin/sh',
        ),
      ];
    },
  },
  {
    id: 'INCUS-INIT',
    severity: 'error',
    platforms: INCUS,
    title: 'A container has /sbin/init',
    source: 'Incus starts it as the first process',
    advice: 'install systemd-sysv or another init',
    check: (facts) =>
      onContainer(facts, (tree) => when(lookup(tree, 'sbin/init') === undefined, 'there is none', '/sbin/init')),
  },
  {
    id: 'INCUS-OWNERS',
    severity: 'warning',
    platforms: INCUS,
    title: `In a container, owners are numbers below ${String(MAPPED_IDS)}`,
    source: 'an unprivileged container has at least so many ids; with no more, unpacking fails at the first other file',
    advice: 'give the file to an owner with a smaller id',
    check: (facts) =>
      onContainer(facts, (tree) =>
        some(
          [...tree.entries].filter(([, { uid, gid }]) => uid >= MAPPED_IDS || gid >= MAPPED_IDS),
          ([path, { uid, gid }]) => ({ message: `belongs to ${String(uid)}:${String(gid)}`, where: `/${path}` }),
        ),
      ),
  },
  {
    id: 'INCUS-VM-DISK',
    severity: 'error',
    platforms: INCUS,
    title: 'The disk of a machine is qcow2 that needs no other file, and no key',
    source: 'Incus knows a machine by the first bytes of its disk, and refuses backing files',
    advice: 'qemu-img convert -O qcow2 FILE NEW',
    check: ({ incus, qcow2, file }) => {
      if (incus?.kind !== 'machine' && !file.name.endsWith('.qcow2')) return undefined;
      if (qcow2 === undefined) return [{ message: 'it is no qcow2', where: 'rootfs.img' }];
      return [
        ...when(qcow2.backingFile !== '', `it has a backing file, ${qcow2.backingFile}`),
        ...when(qcow2.externalData, 'its data lie in another file'),
        ...when(qcow2.encrypted, 'it is encrypted'),
      ];
    },
  },
  ruleOn('boot', INCUS, {
    id: 'INCUS-VM-UEFI',
    severity: 'warning',
    title: 'The disk of a machine boots by UEFI',
    source: 'machines of Incus have UEFI, but with security.csm=true, which not every architecture has',
    advice: 'disk.firmware: uefi or both',
    check: ({ esp }) => when(esp === undefined, 'there is no EFI system partition'),
  }),
  ruleOn('boot', INCUS, driverRule('INCUS-VM-INITRAMFS', HYPERVISORS.kvm.drivers, 'a virtio-scsi disk')),
];

/** Asks about the files of a container: of an image that has no disk. */
function onContainer<T>(
  { tree, disk }: { readonly tree?: TreeFacts | undefined; readonly disk?: unknown },
  ask: (tree: TreeFacts) => T,
): T | undefined {
  return tree === undefined || disk !== undefined ? undefined : ask(tree);
}
