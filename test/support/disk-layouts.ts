import fc from 'fast-check';
import type { DiskLayout, Filesystem, Layer, Partition, Storage, Swap } from '../../src/config/layout.js';
import { MIB } from './disk-plans.js';

/** A file system with what a profile leaves to defaults. */
export function filesystem(
  format: Filesystem['format'],
  mountpoint: string,
  more: Partial<Filesystem> = {},
): Filesystem {
  return { type: 'filesystem', format, mountpoint, label: '', options: [], compression: '', snapper: false, ...more };
}

export const swap: Swap = { type: 'swap', label: 'swap' };

/** A disk that UEFI starts, with further partitions behind the ESP. */
export function uefi(partitions: readonly Partition[], more: Partial<DiskLayout> = {}): Storage {
  const esp: Partition = {
    name: 'esp',
    type: 'esp',
    size: 100 * MIB,
    content: filesystem('vfat', '/boot/efi', { label: 'ESP' }),
  };
  return { firmware: 'uefi', disks: [{ name: 'rootfs', table: 'gpt', partitions: [esp, ...partitions], ...more }] };
}

/** Odd sizes, too: a plan rounds them up. */
const size = fc.integer({ min: 128, max: 3000 }).chain((mib) => fc.nat(999).map((odd) => mib * MIB + odd));

type Shape = 'plain' | 'raid1' | 'luks' | 'lvm' | 'raid1-lvm' | 'luks-lvm' | 'raid1-luks-lvm' | 'raid1-luks';
const SHAPES: readonly Shape[] = [
  'plain',
  'raid1',
  'luks',
  'lvm',
  'raid1-lvm',
  'luks-lvm',
  'raid1-luks-lvm',
  'raid1-luks',
];

/** Wraps file systems in layers, from the outermost to the innermost. */
function wrapped(shape: string, data: readonly Layer[], name: string, sizes: readonly number[]): Layer {
  const [outer, ...rest] = shape.split('-');
  const inner = (): Layer => wrapped(rest.length === 0 ? 'plain' : rest.join('-'), data, name, sizes);
  switch (outer) {
    case 'raid1':
      return { type: 'raid1', name, devices: 2, content: inner() };
    case 'luks':
      return {
        type: 'luks',
        name: `${name}_crypt`,
        cipher: 'aes-xts-plain64',
        keyBits: 512,
        sectorSize: 512,
        pbkdf: 'pbkdf2',
        pbkdfMemory: 0,
        pbkdfIterations: 1000,
        content: inner(),
      };
    case 'lvm':
      return {
        type: 'lvm',
        name: `vg-${name}`,
        volumes: data.map((content, index) => ({
          name: `lv${String(index)}`,
          size: index === data.length - 1 ? 'rest' : (sizes[index] ?? 128 * MIB),
          content: content as Filesystem | Swap,
        })),
      };
    default:
      return data[0] ?? swap;
  }
}

const piece = fc.record({
  shape: fc.constantFrom(...SHAPES),
  size,
  volumes: fc.array(
    fc.record({ format: fc.constantFrom('ext4', 'btrfs', 'swap' as const), size: fc.integer({ min: 110, max: 300 }) }),
    { minLength: 1, maxLength: 4 },
  ),
});

/** Storage of every shape that passes the checks: up to two disks, each with up to five partitions of data. */
export const storages: fc.Arbitrary<Storage> = fc
  .record({
    firmware: fc.constantFrom('uefi', 'bios', 'both' as const),
    table: fc.constantFrom('gpt', 'mbr' as const),
    pieces: fc.array(piece, { minLength: 1, maxLength: 5 }),
    second: fc.array(piece, { maxLength: 3 }),
    rest: fc.boolean(),
  })
  .map(({ firmware, table, pieces, second, rest }) => {
    let count = 0;
    const partitions = (list: typeof pieces, most: number): Partition[] =>
      list.slice(0, most).map(({ shape, size: wanted, volumes }) => {
        const name = `part${String(count)}`;
        const data = volumes.map(({ format }, index) => {
          count += 1;
          // An array under swap alone is refused.
          const needed = index === 0 && shape.startsWith('raid1');
          return format === 'swap' && !needed
            ? swap
            : filesystem(format === 'swap' ? 'ext4' : format, `/srv/d${String(count)}`);
        });
        const sizes = volumes.map((volume) => volume.size * MIB);
        const needed = sizes.reduce((sum, bytes) => sum + bytes + 4 * MIB, 160 * MIB);
        const content = wrapped(shape, data, name, sizes);
        return { name, type: 'linux', size: Math.max(wanted, needed), content };
      });
    const head: Partition[] = [
      ...(firmware !== 'uefi' && table === 'gpt' ? [{ name: 'bios', type: 'bios-boot', size: MIB } as const] : []),
      ...(firmware === 'bios'
        ? []
        : [{ name: 'esp', type: 'esp', size: 64 * MIB, content: filesystem('vfat', '/boot/efi') } as const]),
      { name: 'root', type: 'root', size: 512 * MIB, content: filesystem('ext4', '/', { label: 'root' }) },
    ];
    const all = [...head, ...partitions(pieces, table === 'mbr' ? 2 : 5)];
    const total = all.reduce((sum, partition) => sum + Math.ceil(Number(partition.size) / MIB) * MIB, 8 * MIB);
    const main: DiskLayout = {
      name: 'rootfs',
      table,
      ...(rest ? { size: total + 12_345 } : {}),
      partitions: all.map((one, n) => (rest && n === all.length - 1 ? { ...one, size: 'rest' } : one)),
    };
    const other: DiskLayout = { name: 'second', table: 'gpt', partitions: partitions(second, 3) };
    return { firmware, disks: second.length === 0 ? [main] : [main, other] };
  });
