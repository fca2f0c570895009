import type { Layer, Storage } from './layout.js';

/** What conditions may ask of an image's storage. */
export const DISK_CONDITIONS = [
  'disk',
  'disk:uefi',
  'disk:bios',
  'disk:raid1',
  'disk:luks',
  'disk:lvm',
  'disk:ext4',
  'disk:btrfs',
  'disk:vfat',
  'disk:swap',
  'disk:snapper',
] as const;
export type DiskCondition = (typeof DISK_CONDITIONS)[number];

/** Is this the name of a condition about the disk? */
export function isDiskCondition(name: string): name is DiskCondition {
  return DISK_CONDITIONS.some((known) => known === name);
}

/** The variables that tell hooks about the storage; empty where there is nothing to tell. */
export const DISK_VARIABLES = [
  'DISK_FIRMWARE',
  'DISK_ROOT_UUID',
  'DISK_ROOT_ID',
  'DISK_ROOT_SOURCE',
  'DISK_ROOT_FORMAT',
  'DISK_ROOT_FLAGS',
  'DISK_ROOT_BYTES',
  'DISK_ROOT_LAYERS',
  'DISK_ROOT_OUTER',
  'DISK_BOOT_UUID',
  'DISK_BOOT_FORMAT',
  'DISK_BOOT_PREFIX',
  'DISK_ESP_UUID',
  'DISK_ESP_ID',
  'DISK_SWAP_UUID',
  'DISK_GRUB_MODULES',
  'DISK_SNAPPER',
] as const;

/** The conditions that hold for a storage; none without one. */
export function storageUses(storage: Storage | undefined): ReadonlySet<DiskCondition> {
  const uses = new Set<DiskCondition>();
  if (storage === undefined) return uses;
  uses.add('disk');
  if (storage.firmware !== 'bios') uses.add('disk:uefi');
  if (storage.firmware !== 'uefi') uses.add('disk:bios');
  for (const { content } of storage.disks.flatMap((disk) => disk.partitions)) {
    if (content !== undefined) addLayer(content, uses);
  }
  return uses;
}

function addLayer(layer: Layer, uses: Set<DiskCondition>): void {
  switch (layer.type) {
    case 'filesystem':
      uses.add(`disk:${layer.format}`);
      if (layer.snapper) uses.add('disk:snapper');
      return;
    case 'swap':
      uses.add('disk:swap');
      return;
    case 'raid1':
    case 'luks':
      uses.add(`disk:${layer.type}`);
      addLayer(layer.content, uses);
      return;
    case 'lvm':
      uses.add('disk:lvm');
      for (const volume of layer.volumes) addLayer(volume.content, uses);
  }
}
