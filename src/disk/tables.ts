import type { DiskPlan, FilesystemPlan, Raid1Plan } from './types.js';
import {
  filesystemsOf,
  leavesOf,
  SNAPSHOTS,
  subvolumeOf,
  type Carrier,
  type FilesystemLeaf,
  type Leaf,
} from './walk.js';

/** What fstab and the kernel's `root=` call a file system or swap space. */
export function sourceOf(leaf: Leaf): string {
  const holder = leaf.carriers.at(-1);
  // By name, because a snapshot of a volume has the same UUID.
  if (holder?.type === 'lvm' && leaf.volume !== undefined) return mapperPath(holder.name, leaf.volume);
  return `UUID=${leaf.data.uuid}`;
}

/** Device mapper doubles dashes within names, so that the one between group and volume stands out (lvm(8), NAMES). */
function mapperPath(group: string, volume: string): string {
  return `/dev/mapper/${group.replaceAll('-', '--')}-${volume.replaceAll('-', '--')}`;
}

/** /etc/fstab: outer mountpoints first, swap last. */
export function fstabText(plans: readonly DiskPlan[]): string {
  const swaps = leavesOf(plans).filter((leaf) => leaf.data.type === 'swap');
  const lines = [
    ...filesystemsOf(plans).flatMap(filesystemLines),
    ...swaps.map((leaf) => [sourceOf(leaf), 'none', 'swap', swapOptions(leaf), '0', '0']),
  ];
  return `# <file system> <mount point> <type> <options> <dump> <pass>\n${table(lines)}`;
}

function table(lines: readonly (readonly string[])[]): string {
  return lines.map((fields) => `${fields.join(' ')}\n`).join('');
}

function filesystemLines(leaf: FilesystemLeaf): string[][] {
  const { data } = leaf;
  const options = data.options.length > 0 ? data.options : usualOptions(leaf);
  const line = (mountpoint: string, needed: readonly string[]): string[] => {
    const all = [...new Set([...options, ...needed])];
    return [sourceOf(leaf), escaped(mountpoint), data.format, all.join(',') || 'defaults', '0', checkPass(data)];
  };
  switch (data.format) {
    case 'ext4':
    case 'vfat':
      return [line(data.mountpoint, [])];
    case 'btrfs': {
      const compress = data.compression === '' ? [] : [`compress=${data.compression}`];
      const mount = line(data.mountpoint, [...compress, `subvol=${subvolumeOf(data)}`]);
      const snapshots = `${data.mountpoint === '/' ? '' : data.mountpoint}/.snapshots`;
      return data.snapper ? [mount, line(snapshots, [...compress, `subvol=${SNAPSHOTS}`])] : [mount];
    }
  }
}

/** Fields of fstab end at blanks; these are written in octal (fstab(5)). */
function escaped(path: string): string {
  return path.replaceAll('\\', '\\134').replaceAll(' ', '\\040').replaceAll('\t', '\\011');
}

/** Options of a file system whose profile says nothing. */
function usualOptions(leaf: FilesystemLeaf): string[] {
  const { data } = leaf;
  switch (data.format) {
    case 'ext4':
      return [
        'relatime',
        ...(passesDiscards(leaf) ? ['discard'] : []),
        ...(data.mountpoint === '/' ? ['errors=remount-ro'] : narrowing(data.mountpoint)),
      ];
    case 'btrfs':
      // Not the kernel's own choice before Linux 6.2, where nothing would be discarded.
      return ['relatime', ...(passesDiscards(leaf) ? ['discard=async'] : []), ...narrowing(data.mountpoint)];
    case 'vfat':
      // Keys and boot entries are nobody's to read; vfat itself knows no owners.
      return ['umask=0077'];
  }
}

/** What no file below these directories needs. */
function narrowing(mountpoint: string): string[] {
  if (mountpoint === '/boot') return ['nodev', 'nosuid'];
  if (/^\/var\/(log|cache)(\/|$)/.test(mountpoint)) return ['nodev', 'nosuid', 'noexec'];
  if (/^\/(home|srv)(\/|$)/.test(mountpoint)) return ['nodev', 'nosuid'];
  return [];
}

function swapOptions(leaf: Leaf): string {
  // A machine whose swap is gone, such as a copy without the second disk, still starts.
  return ['sw', 'nofail', ...(passesDiscards(leaf) ? ['discard=once'] : [])].join(',');
}

/**
 * Whether freed blocks are told to the disk, which keeps a thin virtual disk thin. Encryption does not let them through
 * unless told to, for they show what is used; an array is for real disks, which a timer trims.
 */
function passesDiscards({ carriers }: Leaf): boolean {
  return carriers.every((carrier) => carrier.type === 'lvm');
}

function checkPass({ format, mountpoint }: FilesystemPlan): string {
  switch (format) {
    case 'ext4':
      return mountpoint === '/' ? '1' : '2';
    case 'vfat':
      return '2';
    case 'btrfs':
      // fsck.btrfs does nothing and says so in fsck.btrfs(8).
      return '0';
  }
}

/** /etc/crypttab; '' when nothing is encrypted. */
export function crypttabText(plans: readonly DiskPlan[]): string {
  const lines = carriersOf(plans).flatMap((carrier) =>
    carrier.type === 'luks' ? [[carrier.name, `UUID=${carrier.uuid}`, 'none', 'luks,initramfs']] : [],
  );
  return lines.length === 0 ? '' : `# <target name> <source device> <key file> <options>\n${table(lines)}`;
}

/** /etc/mdadm/mdadm.conf; '' without arrays. */
export function mdadmText(plans: readonly DiskPlan[]): string {
  const arrays = carriersOf(plans).filter((carrier) => carrier.type === 'raid1');
  if (arrays.length === 0) return '';
  return `HOMEHOST <system>\nMAILADDR root\n${table(arrays.map(arrayFields))}`;
}

function arrayFields({ name, uuid }: Raid1Plan): string[] {
  const words = uuid.replaceAll('-', '').match(/.{8}/g) ?? [];
  return ['ARRAY', `/dev/md/${name}`, 'metadata=1.2', `UUID=${words.join(':')}`];
}

/** Every layer that holds others, once. */
function carriersOf(plans: readonly DiskPlan[]): Carrier[] {
  return [...new Set(leavesOf(plans).flatMap((leaf) => leaf.carriers))];
}
