import type { Storage } from '../config/layout.js';
import type { DiskFacts, DiskPlan } from './types.js';
import { dashed } from './lvm2.js';
import { sourceOf } from './tables.js';
import { filesystemsOf, holderOf, leavesOf, subvolumeOf, type Carrier, type FilesystemLeaf } from './walk.js';

export { crypttabText, fstabText, mdadmText } from './tables.js';

/**
 * What hooks are told about the storage: they write the kernel's command line and GRUB's configuration from it.
 *
 * Every variable is always there, empty where it does not apply, so that hooks need no defaults.
 */
export function diskFacts(storage: Storage, plans: readonly DiskPlan[]): DiskFacts {
  const root = holderOf(plans, '/');
  const boot = holderOf(plans, '/boot');
  const esp = plans.flatMap((plan) => plan.partitions).find((partition) => partition.type === 'esp');
  const swap = leavesOf(plans).find((leaf) => leaf.data.type === 'swap');
  const subvolume = subvolumeOf(root.data);
  return {
    DISK_FIRMWARE: storage.firmware,
    DISK_ROOT_UUID: root.data.uuid,
    DISK_ROOT_SOURCE: sourceOf(root),
    DISK_ROOT_FORMAT: root.data.format,
    DISK_ROOT_FLAGS: subvolume === '' ? '' : `subvol=${subvolume}`,
    DISK_ROOT_ID: root.partition.id,
    DISK_ROOT_BYTES: String(root.data.bytes),
    DISK_ROOT_LAYERS: root.carriers.map(({ type }) => type).join(' '),
    DISK_ROOT_OUTER: outerId(root),
    DISK_BOOT_UUID: boot.data.uuid,
    DISK_BOOT_FORMAT: boot.data.format,
    DISK_BOOT_PREFIX: bootPrefix(boot),
    DISK_ESP_UUID: esp?.content?.type === 'filesystem' ? esp.content.uuid : '',
    DISK_ESP_ID: esp?.id ?? '',
    DISK_SWAP_UUID: swap?.data.uuid ?? '',
    DISK_GRUB_MODULES: grubModules(boot).join(' '),
    DISK_SNAPPER: String(filesystemsOf(plans).some(({ data }) => data.snapper)),
  };
}

/** What blkid calls the partition below the root file system, by what is directly in it. */
function outerId({ carriers: [outer], data }: FilesystemLeaf): string {
  if (outer === undefined) return data.uuid;
  return outer.type === 'lvm' ? dashed(outer.pvId) : outer.uuid;
}

/** How GRUB, which knows no mountpoints, names /boot within its file system. */
function bootPrefix({ data }: FilesystemLeaf): string {
  const subvolume = subvolumeOf(data);
  return (subvolume === '' ? '' : `/${subvolume}`) + (data.mountpoint === '/boot' ? '' : '/boot');
}

/** Modules with which GRUB reaches /boot, in the order of loading. */
function grubModules(boot: FilesystemLeaf): string[] {
  const table = { gpt: 'part_gpt', mbr: 'part_msdos' }[boot.disk.table];
  const format = { ext4: 'ext2', btrfs: 'btrfs', vfat: 'fat' }[boot.data.format];
  return [table, ...boot.carriers.flatMap(carrierModules), format];
}

function carrierModules(carrier: Carrier): string[] {
  switch (carrier.type) {
    case 'raid1':
      return ['mdraid1x'];
    case 'luks':
      return ['cryptodisk', 'luks2'];
    case 'lvm':
      return ['lvm'];
  }
}
