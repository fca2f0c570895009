import type { DiskFacts, LayerFacts, PartitionFacts, TreeFacts } from '../facts.js';
import { linesOf, textOf } from '../tree.js';
import { ruleOn, when, type Offence, type Platform, type Rule } from '../types.js';

export const MACHINES: readonly Platform[] = ['proxmox-vm', 'hyper-v', 'azure', 'vmware', 'hardware'];

export const MIB = 2 ** 20;

/** Tables, sizes and what firmware finds: the same on every platform. */
export const DISK_RULES: readonly Rule[] = [
  ruleOn('unreadable', [], {
    id: 'IMAGE-READ',
    severity: 'error',
    title: 'The file can be read as what its name says',
    source: 'a platform cannot do better: the file is damaged, incomplete or of another kind',
    advice: 'compare it with SHA256SUMS; copy, build or convert it again',
    check: (reason) => [{ message: reason }],
  }),
  {
    id: 'DISK-FORMAT',
    severity: 'error',
    platforms: ['hardware'],
    title: 'A disk for a real machine is raw, packed or not',
    source: 'what is written to a disk is what the firmware reads: of another format it is nothing that starts',
    advice: 'imgbuild convert --to raw.zst',
    check: ({ file }) =>
      when(!/\.(raw|img)(\.(zst|gz|xz|bz2))?$/i.test(file.name), `${file.name} is none, by its name`),
  },
  ruleOn('disk', MACHINES, {
    id: 'DISK-TABLE',
    severity: 'error',
    title: 'The partition table is sound, its copy at the end included',
    source: 'UEFI specification 2.10, section 5.3: firmware refuses a table whose checksums are wrong',
    advice: 'sgdisk --verify FILE tells more; after the disk was made larger, sgdisk --move-second-header',
    check: ({ defects }) => defects.map((message) => ({ message })),
  }),
  ruleOn('disk', MACHINES, {
    id: 'DISK-OVERLAP',
    severity: 'error',
    title: 'Partitions lie in the disk and not in each other',
    source: 'UEFI specification 2.10, section 5.3.3',
    advice: 'correct sizes in the profile’s disk layout',
    check: (disk) => overlaps(disk),
  }),
  ruleOn('disk', MACHINES, {
    id: 'DISK-ALIGNED',
    severity: 'warning',
    title: 'Partitions begin at multiples of 1 MiB',
    source: 'storage with blocks of 4 KiB and more writes each block twice otherwise',
    advice: 'correct `start` or sizes in the profile’s disk layout',
    check: ({ partitions }) =>
      partitions
        .filter(({ start, type }) => start % MIB !== 0 && type !== 'bios-boot')
        .map(({ number, start }) => ({ message: `begins at ${String(start)}`, where: partitionName(number) })),
  }),
  ruleOn('disk', MACHINES, {
    id: 'DISK-READ',
    severity: 'warning',
    title: 'All filesystems could be looked into',
    source: 'what cannot be read cannot be judged: the audit is silent about it',
    advice: 'verify --boot looks at it from inside',
    check: ({ unread }) => unread.map((message) => ({ message })),
  }),
  ruleOn('boot', MACHINES, {
    id: 'DISK-BOOTABLE',
    severity: 'error',
    title: 'Firmware finds something to start: an EFI system partition or boot code',
    source: 'UEFI specification 2.10, section 3.5; a BIOS runs the first sector',
    advice: 'set disk.firmware, or add an esp or bios partition to the layout',
    check: ({ esp }, { disk }) =>
      when(
        esp === undefined && disk?.bootCode !== true,
        'neither an EFI system partition nor boot code in the first sector',
      ),
  }),
  ruleOn('boot', MACHINES, {
    id: 'DISK-ESP-FALLBACK',
    severity: 'error',
    title: 'The EFI system partition holds \\EFI\\BOOT\\BOOTX64.EFI',
    source:
      'UEFI specification 2.10, section 3.5.1.1: no NVRAM entry travels with a disk (Hyper-V, PVE and ESXi alike)',
    advice: 'install with --removable, or use the collection bootable/uefi',
    check: ({ esp }) => {
      const found = esp?.some((path) => /^efi\/boot\/boot(x64|aa64|ia32|riscv64)\.efi$/i.test(path)) ?? true;
      return when(!found, 'there is no boot loader at the fallback path', '/EFI/BOOT');
    },
  }),
  ruleOn('boot', MACHINES, {
    id: 'DISK-GRUB-SEARCH',
    severity: 'error',
    title: 'GRUB in the EFI system partition searches for a filesystem that is there',
    source: 'its stub finds /boot by UUID; with another one it stops at its prompt',
    advice: 'write EFI/debian/grub.cfg after the filesystem got its UUID',
    check: ({ searched }, { disk }) => {
      const known = uuidsOf(disk);
      return searched
        .filter(({ uuid }) => !known.has(uuid.toLowerCase()))
        .map(({ file, uuid }) => ({ message: `searches for ${uuid}, which no filesystem has`, where: file }));
    },
  }),
  ruleOn('boot', MACHINES, {
    id: 'DISK-SHIM-CA',
    severity: 'warning',
    title: 'The boot loader is signed by a certificate that new firmware has',
    source:
      'Microsoft’s UEFI CA 2011 expired in June 2026; firmware with the keys of 2023 alone refuses what only it has signed',
    advice: 'take shim-signed from Debian 12 or later, or enrol the CA 2011, or switch Secure Boot off',
    check: ({ signers }) =>
      when(
        signers.some((name) => name.includes('2011')) && !signers.some((name) => name.includes('2023')),
        'signed by the Microsoft UEFI CA 2011 alone',
        '/EFI/BOOT',
      ),
  }),
  ruleOn('tree', MACHINES, {
    id: 'DISK-FSTAB',
    severity: 'error',
    title: 'Every filesystem in /etc/fstab is on the disk',
    source: 'systemd waits 90 seconds for a missing one and then stops at the emergency shell',
    advice: 'correct the line, or give it the option nofail',
    check: (tree, { disk }) => (disk === undefined ? [] : missingMounts(tree, disk)),
  }),
];

function partitionName(number: number): string {
  return `partition ${String(number)}`;
}

function overlaps({ partitions, bytes }: DiskFacts): Offence[] {
  const sorted = [...partitions].sort((a, b) => a.start - b.start);
  return sorted.flatMap((partition, n) => {
    const end = partition.start + partition.bytes;
    const where = partitionName(partition.number);
    const next = sorted[n + 1];
    return [
      ...when(end > bytes, `ends ${String(end - bytes)} bytes behind the disk`, where),
      ...when(next !== undefined && end > next.start, `reaches into partition ${String(next?.number)}`, where),
    ];
  });
}

function uuidsOf(disk: DiskFacts | undefined): Set<string> {
  const inside = ({ uuid, inside: inner }: LayerFacts): string[] => [uuid, ...inner.flatMap(inside)];
  const found = (disk?.partitions ?? []).flatMap(({ content, layer }) => [
    ...(content === undefined ? [] : [content.uuid]),
    ...(layer === undefined ? [] : inside(layer)),
  ]);
  return new Set(found.map((uuid) => uuid.toLowerCase()));
}

/** Layers that hold further filesystems, whose UUIDs nobody has read here. */
const OPAQUE = ['lvm', 'raid', 'luks'];

function missingMounts(tree: TreeFacts, disk: DiskFacts): Offence[] {
  if (disk.partitions.some(({ type, content }) => OPAQUE.includes(type) || OPAQUE.includes(content?.format ?? '')))
    return [];
  const names: Readonly<Record<string, (partition: PartitionFacts) => string | undefined>> = {
    UUID: ({ content }) => content?.uuid,
    LABEL: ({ content }) => content?.label,
    PARTUUID: ({ id }) => id,
    PARTLABEL: ({ name }) => name,
  };
  return linesOf(textOf(tree, 'etc/fstab')).flatMap((line) => {
    const [source = '', mountpoint = '', format = '', options = ''] = line.split(/\s+/);
    const [, tag = '', value = ''] = /^(\w+)="?([^"]+)"?$/.exec(source) ?? [];
    const read = names[tag];
    // Swap may lie on a disk of its own, and systemd goes on without it.
    if (read === undefined || format === 'swap' || options.split(',').includes('nofail')) return [];
    const there = disk.partitions.some((partition) => read(partition)?.toLowerCase() === value.toLowerCase());
    return when(!there, `${source} for ${mountpoint} is not on the disk`, '/etc/fstab');
  });
}
