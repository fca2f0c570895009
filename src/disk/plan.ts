import type { DiskLayout, Filesystem, Layer, Lvm, Storage, Swap } from '../config/layout.js';
import { diskBytes, GEOMETRY, partitionSizes, volumeSizes } from '../config/layout-sizes.js';
import { lvmIdOf, shortIdOf, uuidOf } from './identity.js';
import type { DiskPlan, FilesystemPlan, LayerPlan, LvmPlan, SwapPlan, VolumePlan } from './types.js';

/** Where a layer goes, and the names on the way there, from which its identities come. */
interface Place {
  readonly seed: string;
  readonly path: string;
  readonly start: number;
  readonly bytes: number;
}

/**
 * Decides every offset, size and identity. Equal storage and seed give equal plans; an identity depends on the names on
 * the way to what it names, so another partition beside it changes nothing.
 *
 * The storage must have passed `checkStorage`.
 */
export function planDisks(storage: Storage, seed: string): DiskPlan[] {
  return storage.disks.map((disk) => planDisk(disk, seed));
}

function planDisk(disk: DiskLayout, seed: string): DiskPlan {
  const id = disk.table === 'gpt' ? uuidOf(seed, disk.name) : shortIdOf(seed, disk.name);
  const sizes = partitionSizes(disk);
  let next: number = GEOMETRY.head;
  const partitions = disk.partitions.map(({ name, type, content }, index) => {
    const number = index + 1;
    const path = `${disk.name}/${name}`;
    const start = next;
    const bytes = sizeAt(sizes, index, path);
    next += bytes;
    return {
      number,
      name,
      type,
      // The kernel makes up the PARTUUID of an MBR partition like this.
      id: disk.table === 'gpt' ? uuidOf(seed, path) : `${id}-${number.toString(16).padStart(2, '0')}`,
      start,
      bytes,
      ...(content === undefined ? {} : { content: planLayer(content, { seed, path: `${path}/`, start, bytes }) }),
    };
  });
  return { name: disk.name, table: disk.table, id, bytes: diskBytes(disk), partitions };
}

function sizeAt(sizes: readonly number[], index: number, path: string): number {
  const bytes = sizes[index];
  if (bytes === undefined || !(bytes > 0)) throw new Error(`planning storage that was not checked: ${path}`);
  return bytes;
}

function planLayer(layer: Layer, place: Place): LayerPlan {
  const { seed, path, start, bytes } = place;
  switch (layer.type) {
    case 'filesystem':
    case 'swap':
      return planData(layer, place);
    case 'raid1':
      return {
        ...layer,
        start,
        bytes,
        uuid: uuidOf(seed, `${path}raid1`),
        deviceUuid: uuidOf(seed, `${path}raid1/device`),
        dataOffset: GEOMETRY.raidOffset,
        content: planLayer(layer.content, inside(place, 'raid1/', GEOMETRY.raidOffset)),
      };
    case 'luks':
      return {
        ...layer,
        start,
        bytes,
        uuid: uuidOf(seed, `${path}luks`),
        headerBytes: GEOMETRY.luksHeader,
        content: planLayer(layer.content, inside(place, 'luks/', GEOMETRY.luksHeader)),
      };
    case 'lvm':
      return planLvm(layer, place);
  }
}

function inside({ seed, path, start, bytes }: Place, name: string, offset: number): Place {
  return { seed, path: path + name, start: start + offset, bytes: bytes - offset };
}

function planData(layer: Filesystem | Swap, { seed, path, start, bytes }: Place): FilesystemPlan | SwapPlan {
  const uuid = uuidOf(seed, `${path}${layer.type}`);
  if (layer.type === 'swap') return { ...layer, start, bytes, uuid };
  switch (layer.format) {
    case 'ext4':
      return { ...layer, start, bytes, uuid };
    case 'btrfs':
      return { ...layer, start, bytes, uuid, deviceUuid: uuidOf(seed, `${path}filesystem/device`) };
    case 'vfat': {
      const id = shortIdOf(seed, `${path}filesystem`).toUpperCase();
      return { ...layer, start, bytes, uuid: `${id.slice(0, 4)}-${id.slice(4)}` };
    }
  }
}

function planLvm(layer: Lvm, { seed, path, start, bytes }: Place): LvmPlan {
  const { peStart, extent } = GEOMETRY;
  const sizes = volumeSizes(layer, bytes);
  let next = 0;
  const volumes = layer.volumes.map(({ name, content }, index): VolumePlan => {
    const where = `${path}lvm/${name}`;
    const size = sizeAt(sizes, index, where);
    const firstExtent = next;
    const extents = size / extent;
    next += extents;
    const place = { seed, path: `${where}/`, start: start + peStart + firstExtent * extent, bytes: size };
    return { name, id: lvmIdOf(seed, where), firstExtent, extents, content: planData(content, place) };
  });
  const ids = { vgId: lvmIdOf(seed, `${path}lvm`), pvId: lvmIdOf(seed, `${path}lvm/device`) };
  return { type: 'lvm', name: layer.name, start, bytes, ...ids, extentBytes: extent, peStart, volumes };
}
