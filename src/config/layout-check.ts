import type { DiskLayout, Filesystem, Layer, Partition, Storage, Swap } from './layout.js';
import { checkLayers } from './layout-check-layers.js';
import { checkNames } from './layout-names.js';
import { checkRoom } from './layout-room.js';
import type { Fault } from './options.js';
import type { Path } from './document.js';

/** A file system or swap space with the place where it was described and all that it lies in. */
interface Found {
  readonly data: Filesystem | Swap;
  readonly path: Path;
  readonly disk: number;
  readonly partition: Partition;
  readonly carriers: readonly Layer['type'][];
}

/**
 * Everything about a storage that cannot work, before anything runs. Paths begin with the number of the disk and go on
 * as a profile writes it.
 */
export function checkStorage(storage: Storage): Fault[] {
  const found = storage.disks.flatMap((disk, index) =>
    disk.partitions.flatMap((partition, n) => {
      const { content } = partition;
      const path = [index, 'partitions', n, 'content'];
      return content === undefined ? [] : findData(content, { path, disk: index, partition, carriers: [] });
    }),
  );
  const filesystems = found.flatMap((entry) =>
    entry.data.type === 'filesystem' ? [{ ...entry, data: entry.data }] : [],
  );
  return [
    ...checkNames(storage),
    ...checkLayers(storage),
    ...filesystems.flatMap(checkFilesystem),
    ...checkMountpoints(filesystems),
    ...checkBoot(storage, filesystems),
    ...storage.disks.flatMap(checkTable),
    ...storage.disks.flatMap(checkRoom),
  ];
}

function findData(layer: Layer, above: Omit<Found, 'data'>): Found[] {
  switch (layer.type) {
    case 'filesystem':
    case 'swap':
      return [{ ...above, data: layer }];
    case 'raid1':
    case 'luks': {
      const carriers = [...above.carriers, layer.type];
      return findData(layer.content, { ...above, carriers, path: [...above.path, 'content'] });
    }
    case 'lvm':
      return layer.volumes.map(({ content }, index) => ({
        ...above,
        data: content,
        carriers: [...above.carriers, layer.type],
        path: [...above.path, 'volumes', index, 'content'],
      }));
  }
}

interface FoundFilesystem extends Found {
  readonly data: Filesystem;
}

/** Directories that the system needs before it mounts anything, or fills by itself. */
const NEVER_MOUNTED = ['/bin', '/dev', '/etc', '/lib', '/lib32', '/lib64', '/proc', '/run', '/sbin', '/sys'];

/** Where packages put links and files with owners, which vfat does not know. */
const NEEDS_UNIX = ['/', '/boot', '/home', '/opt', '/root', '/srv', '/usr', '/var'];

function checkFilesystem({ data, path }: FoundFilesystem): Fault[] {
  const faults: Fault[] = [];
  const { format, mountpoint } = data;
  if (format !== 'btrfs' && data.compression !== '') {
    faults.push({ path: [...path, 'compression'], message: `${format} does not compress`, hint: 'btrfs does' });
  }
  if (format !== 'btrfs' && data.snapper) {
    faults.push({ path: [...path, 'snapper'], message: `${format} has no snapshots`, hint: 'btrfs does' });
  }
  const never = NEVER_MOUNTED.find((directory) => mountpoint === directory || mountpoint.startsWith(`${directory}/`));
  if (never !== undefined) {
    const message = `${mountpoint} cannot be a file system of its own: ${never} is there before anything is mounted`;
    faults.push({ path: [...path, 'mountpoint'], message, hint: 'leave it on /' });
  }
  if (format === 'vfat' && NEEDS_UNIX.includes(mountpoint)) {
    const message = `vfat cannot be mounted at ${mountpoint}: it knows no owners, permissions and links`;
    faults.push({ path: [...path, 'format'], message, hint: 'use ext4' });
  }
  return faults;
}

function checkMountpoints(filesystems: readonly FoundFilesystem[]): Fault[] {
  const seen = new Map<string, FoundFilesystem>();
  const faults: Fault[] = [];
  for (const entry of filesystems) {
    const { mountpoint } = entry.data;
    const other = seen.get(mountpoint);
    if (other === undefined) seen.set(mountpoint, entry);
    else {
      const message = `${mountpoint} is mounted from partition "${other.partition.name}" already`;
      faults.push({ path: [...entry.path, 'mountpoint'], message, hint: 'each mountpoint once' });
    }
  }
  const root = seen.get('/');
  const snapshots = seen.get('/.snapshots');
  if (root?.data.snapper === true && snapshots !== undefined) {
    const message = 'snapper has its snapshots at /.snapshots already';
    faults.push({ path: [...snapshots.path, 'mountpoint'], message, hint: 'leave out the one or the other' });
  }
  const grub = seen.get('/boot/grub');
  if (grub !== undefined) {
    const message = '/boot/grub cannot be a file system of its own: GRUB looks for it beside the kernel';
    faults.push({ path: [...grub.path, 'mountpoint'], message, hint: 'mount it at /boot' });
  }
  if (root === undefined)
    faults.push({ path: [], message: 'no file system is mounted at /', hint: 'give one the mountpoint /' });
  return faults;
}

const ESP_MOUNTPOINT = '/boot/efi';

function checkBoot(storage: Storage, filesystems: readonly FoundFilesystem[]): Fault[] {
  const [main] = storage.disks;
  if (main === undefined) return [{ path: [], message: 'there is no disk' }];
  const faults: Fault[] = storage.disks.flatMap((disk, index) => checkEsps(disk, index));
  const { firmware } = storage;
  if (firmware !== 'bios' && !main.partitions.some(({ type }) => type === 'esp')) {
    faults.push({
      path: [0, 'partitions'],
      message: 'UEFI firmware finds nothing to start: there is no partition of type esp',
      hint: 'add { name: esp, type: esp, size: 100M }',
    });
  }
  const biosBoot = main.partitions.some(({ type }) => type === 'bios-boot');
  if (firmware !== 'uefi' && main.table === 'gpt' && !biosBoot) {
    faults.push({
      path: [0, 'partitions'],
      message: 'BIOS firmware finds nothing to start: GRUB needs a partition of type bios-boot on GPT',
      hint: 'add { name: bios, type: bios-boot }',
    });
  }
  const root = filesystems.find(({ data }) => data.mountpoint === '/');
  const boot = filesystems.find(({ data }) => data.mountpoint === '/boot') ?? root;
  if (boot !== undefined && boot.disk > 0) {
    const message = `${boot.data.mountpoint} holds the kernel and must be on the first disk, which boots`;
    faults.push({ path: [...boot.path, 'mountpoint'], message, hint: 'give the first disk a partition for /boot' });
  }
  if (boot?.carriers.includes('luks') === true) {
    // GRUB before 2.12 opens no LUKS2, and none opens argon2 (its manual, "cryptomount").
    faults.push({
      path: boot.path,
      message: 'GRUB cannot read the kernel from encrypted storage',
      hint: 'give /boot a partition of its own outside',
    });
  }
  return faults;
}

/** A firmware reads an EFI system partition by itself: plain vfat and nothing between. */
function checkEsps(disk: DiskLayout, index: number): Fault[] {
  const faults: Fault[] = [];
  for (const [n, { type, name, content }] of disk.partitions.entries()) {
    const path = [index, 'partitions', n];
    const vfat = content?.type === 'filesystem' && content.format === 'vfat';
    if (type === 'esp' && !vfat) {
      faults.push({
        path,
        message: `partition "${name}" of type esp must hold vfat, and that directly`,
        hint: 'leave content out',
      });
    } else if (type === 'esp' && content?.type === 'filesystem' && content.mountpoint !== ESP_MOUNTPOINT) {
      const message = `partition "${name}" of type esp must be mounted at ${ESP_MOUNTPOINT}`;
      faults.push({ path: [...path, 'content', 'mountpoint'], message, hint: 'leave content out' });
    } else if (type !== 'esp' && content !== undefined && mounts(content, ESP_MOUNTPOINT)) {
      const message = `what is mounted at ${ESP_MOUNTPOINT} must be a partition of type esp, or no firmware finds it`;
      faults.push({ path, message, hint: 'give the partition type: esp and no content' });
    } else if (type === 'bios-boot' && content !== undefined) {
      faults.push({
        path: [...path, 'content'],
        message: 'GRUB takes all of a partition of type bios-boot',
        hint: 'leave content out',
      });
    }
  }
  return faults;
}

function mounts(layer: Layer, mountpoint: string): boolean {
  switch (layer.type) {
    case 'filesystem':
      return layer.mountpoint === mountpoint;
    case 'swap':
      return false;
    case 'raid1':
    case 'luks':
      return mounts(layer.content, mountpoint);
    case 'lvm':
      return layer.volumes.some((volume) => mounts(volume.content, mountpoint));
  }
}

/** What a table of partitions can hold. */
const MOST_PARTITIONS = { gpt: 128, mbr: 4 } as const;

function checkTable({ table, partitions }: DiskLayout, index: number): Fault[] {
  const faults: Fault[] = [];
  const most = MOST_PARTITIONS[table];
  if (partitions.length > most) {
    const message = `${String(partitions.length)} partitions do not fit in a table of ${String(most)}`;
    const hint = { hint: table === 'mbr' ? 'use table: gpt' : 'volumes of LVM have no such limit' };
    faults.push({ path: [index, 'partitions'], message, ...hint });
  }
  const biosBoot = partitions.findIndex(({ type }) => type === 'bios-boot');
  if (table === 'mbr' && biosBoot >= 0) {
    const message = 'an MBR has room for GRUB in front of the first partition, and no type bios-boot';
    faults.push({ path: [index, 'partitions', biosBoot, 'type'], message, hint: 'leave it out' });
  }
  return faults;
}
