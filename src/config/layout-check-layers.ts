import type { Path } from './document.js';
import type { DiskLayout, Filesystem, Layer, Luks, Partition, Storage } from './layout.js';
import type { Fault } from './options.js';

/** Layers that cannot do what they are there for: by type, by what is around them, by what a tool takes. */
export function checkLayers(storage: Storage): Fault[] {
  const mirrored = storage.disks.some(({ partitions }) => partitions.some(({ content }) => mirrors(content, '/')));
  return storage.disks.flatMap((disk, index) => [
    ...checkBiosBoot(disk, index),
    ...disk.partitions.flatMap((partition, n) => {
      const path = [index, 'partitions', n];
      const { content } = partition;
      return [
        ...checkType(partition, path),
        ...(content === undefined ? [] : checkLayer(content, [...path, 'content'], mirrored)),
      ];
    }),
  ]);
}

/** What a partition of a type holds; the others hold anything. */
const HOLDS = { raid: 'raid1', lvm: 'lvm', luks: 'luks', swap: 'swap' } as const;

function checkType({ name, type, content }: Partition, path: Path): Fault[] {
  const at = [...path, 'type'];
  if (type === 'raid' || type === 'lvm' || type === 'luks' || type === 'swap') {
    const expected = HOLDS[type];
    if (content?.type === expected) return [];
    const what = content === undefined ? 'nothing' : content.type;
    const message = `partition "${name}" of type ${type} must hold ${expected}, and holds ${what}`;
    return [{ path: at, message, hint: 'leave type out: it follows from the content' }];
  }
  if (type === 'root' && !holds(content, '/')) {
    // systemd-gpt-auto-generator(8) mounts partitions of this type at /.
    const message = `partition "${name}" of type root does not hold /`;
    return [{ path: at, message, hint: 'leave type out: it follows from the content' }];
  }
  if (type === 'xbootldr' && (content?.type !== 'filesystem' || content.mountpoint !== '/boot')) {
    return [
      { path: at, message: `partition "${name}" of type xbootldr must hold the file system /boot, and that directly` },
    ];
  }
  return [];
}

/** GRUB for a BIOS takes one such partition, and on the disk that boots. */
function checkBiosBoot({ partitions }: DiskLayout, index: number): Fault[] {
  const all = [...partitions.keys()].filter((n) => partitions[n]?.type === 'bios-boot');
  const wrong = index === 0 ? all.slice(1) : all;
  const message =
    index === 0
      ? 'GRUB takes one partition of type bios-boot'
      : 'only the first disk boots: GRUB is not put on this one';
  return wrong.map((n) => ({ path: [index, 'partitions', n], message, hint: 'leave it out' }));
}

function holds(layer: Layer | undefined, mountpoint: string): boolean {
  switch (layer?.type) {
    case undefined:
    case 'swap':
      return false;
    case 'filesystem':
      return layer.mountpoint === mountpoint;
    case 'raid1':
    case 'luks':
      return holds(layer.content, mountpoint);
    case 'lvm':
      return layer.volumes.some(({ content }) => holds(content, mountpoint));
  }
}

function mirrors(layer: Layer | undefined, mountpoint: string): boolean {
  return layer?.type === 'raid1' && holds(layer, mountpoint);
}

function checkLayer(layer: Layer, path: Path, mirrored: boolean): Fault[] {
  switch (layer.type) {
    case 'filesystem':
      return checkOptions(layer, path);
    case 'swap':
      return [];
    case 'raid1': {
      const faults = checkLayer(layer.content, [...path, 'content'], mirrored);
      if (mirrored || !onlySwap(layer.content)) return faults;
      const message = 'an array under swap alone protects nothing: a machine that loses the disk loses its root';
      return [...faults, { path, message, hint: 'put / on an array as well, or swap on none' }];
    }
    case 'luks':
      return [...checkLuks(layer, path), ...checkLayer(layer.content, [...path, 'content'], mirrored)];
    case 'lvm':
      return layer.volumes.flatMap(({ content }, n) =>
        checkLayer(content, [...path, 'volumes', n, 'content'], mirrored),
      );
  }
}

function onlySwap(layer: Layer): boolean {
  switch (layer.type) {
    case 'swap':
      return true;
    case 'filesystem':
      return false;
    case 'raid1':
    case 'luks':
      return onlySwap(layer.content);
    case 'lvm':
      return layer.volumes.every(({ content }) => onlySwap(content));
  }
}

/** Mount options that take away what a system starts by, or what the layout itself decides. */
function checkOptions({ format, mountpoint, options, snapper }: Filesystem, path: Path): Fault[] {
  const at = (option: string): Path => [...path, 'options', options.indexOf(option)];
  const faults: Fault[] = [];
  for (const option of options) {
    const [word = ''] = option.split('=');
    if (format === 'btrfs' && (word === 'subvol' || word === 'subvolid')) {
      faults.push({
        path: at(option),
        message: `the layout decides which subvolume is mounted at ${mountpoint}`,
        hint: 'leave it out',
      });
    }
    const needed = mountpoint === '/' || mountpoint === '/usr';
    if (needed && (word === 'noexec' || word === 'noauto')) {
      faults.push({
        path: at(option),
        message: `no machine starts with ${word} at ${mountpoint}`,
        hint: 'leave it out',
      });
    }
  }
  if (snapper && mountpoint !== '/') {
    const message = `snapper is set up for /, and not for ${mountpoint}`;
    faults.push({ path: [...path, 'snapper'], message, hint: '`snapper create-config` on the machine does it' });
  }
  return faults;
}

/**
 * What cryptsetup takes (2.7: lib/utils_pbkdf.c, verify_pbkdf_params; argon2 takes 4 GiB at the most, and from what a
 * machine with little memory has to give at boot).
 */
const LEAST_PBKDF2 = 1000;
const ARGON2_KIB = { least: 32, most: 4 * 2 ** 20 } as const;

function checkLuks({ pbkdf, pbkdfMemory, pbkdfIterations }: Luks, path: Path): Fault[] {
  if (pbkdf === 'pbkdf2') {
    if (pbkdfIterations >= LEAST_PBKDF2) return [];
    const message = `${String(pbkdfIterations)} iterations of pbkdf2 are too few: cryptsetup takes ${String(LEAST_PBKDF2)} and more`;
    return [{ path: [...path, 'pbkdfIterations'], message, hint: 'a million takes about a second' }];
  }
  const at = [...path, 'pbkdfMemory'];
  if (pbkdfMemory > ARGON2_KIB.most) {
    return [
      { path: at, message: `${pbkdf} takes 4 GiB of memory at the most`, hint: 'the machine has to have it at boot' },
    ];
  }
  if (pbkdfMemory < ARGON2_KIB.least) return [{ path: at, message: `${pbkdf} takes 32 KiB of memory at the least` }];
  return [];
}
