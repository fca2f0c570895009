import type {
  DiskPlan,
  FilesystemPlan,
  LayerPlan,
  LuksPlan,
  LvmPlan,
  PartitionPlan,
  Raid1Plan,
  SwapPlan,
} from './types.js';

/** A layer that holds others, as seen from one of them. */
export type Carrier = Raid1Plan | LuksPlan | LvmPlan;

/** A file system or swap space and all that it lies on. */
export interface Leaf {
  readonly data: FilesystemPlan | SwapPlan;
  readonly disk: DiskPlan;
  readonly partition: PartitionPlan;
  /** From the partition inwards. */
  readonly carriers: readonly Carrier[];
  /** Name of the logical volume, when it is one. */
  readonly volume?: string;
}

/** Every file system and swap space, in the order in which they lie on the disks. */
export function leavesOf(plans: readonly DiskPlan[]): Leaf[] {
  return plans.flatMap((disk) =>
    disk.partitions.flatMap((partition) =>
      partition.content === undefined ? [] : leavesIn(partition.content, { disk, partition, carriers: [] }),
    ),
  );
}

function leavesIn(layer: LayerPlan, above: Omit<Leaf, 'data' | 'volume'>): Leaf[] {
  switch (layer.type) {
    case 'filesystem':
    case 'swap':
      return [{ ...above, data: layer }];
    case 'raid1':
    case 'luks':
      return leavesIn(layer.content, { ...above, carriers: [...above.carriers, layer] });
    case 'lvm': {
      const carriers = [...above.carriers, layer];
      return layer.volumes.map(({ name, content }) => ({ ...above, carriers, data: content, volume: name }));
    }
  }
}

/** A leaf that is a file system. */
export interface FilesystemLeaf extends Leaf {
  readonly data: FilesystemPlan;
}

export function isFilesystem(leaf: Leaf): leaf is FilesystemLeaf {
  return leaf.data.type === 'filesystem';
}

/** The file systems, outer mountpoints first. */
export function filesystemsOf(plans: readonly DiskPlan[]): FilesystemLeaf[] {
  return leavesOf(plans)
    .filter(isFilesystem)
    .sort((a, b) => (a.data.mountpoint < b.data.mountpoint ? -1 : 1));
}

/** The file system that holds a path of the image. */
export function holderOf(plans: readonly DiskPlan[], path: string): FilesystemLeaf {
  const holder = filesystemsOf(plans).findLast(({ data }) => isBelow(path, data.mountpoint));
  if (holder === undefined) throw new Error(`no file system holds ${path}`);
  return holder;
}

/** True when a path is a directory or lies in it. */
export function isBelow(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

/** The subvolume of a btrfs that is mounted; '' for other file systems. */
export function subvolumeOf({ format, mountpoint }: FilesystemPlan): string {
  if (format !== 'btrfs') return '';
  return mountpoint === '/' ? '@rootfs' : '@';
}

/** The subvolume for snapshots beside it, which snapper expects at `.snapshots`. */
export const SNAPSHOTS = '@snapshots';
