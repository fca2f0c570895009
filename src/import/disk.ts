import type { Problem } from '../errors.js';
import { isMapping, problemAt, valueAt, type Path, type Source } from '../config/document.js';
import { nearest } from '../config/suggest.js';

/*
 * The disk file of the predecessor, `convert-tar-to-disk -C FILE`: a flat list of volumes around one fixed tree of layers.
 * Names decide where a volume goes: esp, boot and swap are partitions, all others volumes of one group.
 */

/** What became of a disk file: a layout as profiles write it, and what the reader should know. */
export interface ImportedDisk {
  readonly firmware: 'bios' | 'uefi';
  /** The value of `disk`. */
  readonly disk: Readonly<Record<string, unknown>>;
  /** What could not be mapped, or was read in another way than before. */
  readonly notes: readonly Problem[];
}

const TOP = [
  'boot_type',
  'disk_size_root',
  'root_vg_name',
  'snapper',
  'boot_raid',
  'root_vg_raid',
  'root_vg_luks',
  'volumes',
];
const RAID = ['enabled', 'name', 'name_dbuild', 'mdadm_uuid', 'homehost', 'metadata'];
const LUKS = [
  'enabled',
  'enc_name',
  'luks_type',
  'luks_uuid',
  'passphrase',
  'hash',
  'cipher',
  'key_size',
  'integrity',
  'pbkdf',
];
const VOLUME = ['name', 'size', 'fstype', 'enabled', 'label', 'mnt_dir', 'mnt_opts', 'fs_uuid', 'compression'];

/** True when a document looks like a disk file of the predecessor. */
export function isDiskFile(value: unknown): boolean {
  return isMapping(value) && Array.isArray(value['volumes']) && !('partitions' in value);
}

interface Reader {
  readonly source: Source;
  readonly notes: Problem[];
  readonly errors: Problem[];
}

/**
 * Reads a disk file with the predecessor's defaults, but for one: arrays and encryption that it does not mention are off.
 *
 * @param problems what makes the file useless; the result is of use only without.
 */
export function importDisk(source: Source, problems: Problem[]): ImportedDisk {
  const reader: Reader = { source, notes: [], errors: problems };
  unknownKeys(reader, [], TOP);
  const bootType = text(reader, ['boot_type'], 'bios').toLowerCase();
  if (bootType !== 'bios' && bootType !== 'uefi') fail(reader, ['boot_type'], `"${bootType}" is neither bios nor uefi`);
  const firmware = bootType === 'uefi' ? 'uefi' : 'bios';
  const list: unknown = valueAt(source, ['volumes']);
  const volumes = (Array.isArray(list) ? (list as unknown[]) : []).flatMap((_, n) => readVolume(reader, n));
  const used = volumes.filter(({ name }) => !(name === 'esp' && firmware === 'bios'));
  if (used.length < volumes.length) note(reader, ['volumes'], 'the ESP is left out: a BIOS has no use for it');
  for (const needed of firmware === 'uefi' ? ['root', 'boot', 'esp'] : ['root', 'boot']) {
    if (!used.some(({ name }) => name === needed))
      fail(reader, ['volumes'], `the volume ${needed} is missing or not enabled`);
  }
  const disk = {
    ...(firmware === 'bios' ? { table: 'mbr' } : {}),
    size: size(reader, ['disk_size_root'], 1) ?? '10G',
    partitions: [...partitions(reader, used, firmware), system(reader, used)],
  };
  return { firmware, disk, notes: reader.notes };
}

interface Volume {
  readonly name: string;
  readonly path: Path;
  readonly content: Readonly<Record<string, unknown>>;
  readonly partition: boolean;
}

const MOUNTPOINTS: Readonly<Record<string, string>> = {
  boot: '/boot',
  esp: '/boot/efi',
  root: '/',
  log: '/var/log',
  apt: '/var/cache/apt',
};

function readVolume(reader: Reader, n: number): Volume[] {
  const path = ['volumes', n];
  if (!isMapping(valueAt(reader.source, path))) {
    fail(reader, path, 'a volume is a mapping with name, size and fstype');
    return [];
  }
  unknownKeys(reader, path, VOLUME);
  const name = text(reader, [...path, 'name'], '');
  const format = text(reader, [...path, 'fstype'], '').toLowerCase();
  for (const key of ['name', 'size', 'fstype']) {
    if (valueAt(reader.source, [...path, key]) === undefined) fail(reader, path, `missing key "${key}"`);
  }
  if (!on(reader, [...path, 'enabled'], true)) return [];
  const partition = ['esp', 'boot', 'swap'].includes(name) || format === 'swap';
  const label = given(reader, [...path, 'label']);
  if (given(reader, [...path, 'fs_uuid']) !== undefined) identity(reader, [...path, 'fs_uuid']);
  if (format === 'swap') {
    return [{ name, path, partition, content: { type: 'swap', ...(label === undefined ? {} : { label }) } }];
  }
  if (!['ext4', 'btrfs', 'vfat'].includes(format))
    fail(reader, [...path, 'fstype'], `"${format}" is none of ext4, btrfs, vfat, swap`);
  const mountpoint = text(reader, [...path, 'mnt_dir'], MOUNTPOINTS[name] ?? '');
  if (mountpoint === '') fail(reader, path, `the volume ${name} has no mnt_dir`);
  const compression = text(reader, [...path, 'compression'], '');
  const snapper = name === 'root' && format === 'btrfs' && on(reader, ['snapper'], true);
  if (snapper) note(reader, path, 'snapper is kept: its package has to be in the root filesystem (collection snapper)');
  return [
    {
      name,
      path,
      partition,
      content: {
        type: 'filesystem',
        format,
        mountpoint,
        ...(label === undefined ? {} : { label: format === 'vfat' ? label.toUpperCase() : label }),
        ...(format !== 'btrfs' || compression === '' || compression === 'none' ? {} : { compression }),
        ...(snapper ? { snapper } : {}),
        ...mountOptions(reader, [...path, 'mnt_opts']),
      },
    },
  ];
}

function mountOptions({ source }: Reader, path: Path): { readonly options?: readonly string[] } {
  const value = valueAt(source, path);
  const list: unknown[] = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
  const options = list
    .flatMap((entry) => String(entry).split(','))
    .filter((word) => word !== '' && word !== 'defaults');
  return options.length === 0 ? {} : { options };
}

/** Partition names of the predecessor; an MBR has none, but they tell things apart. */
function partitions(reader: Reader, volumes: readonly Volume[], firmware: 'bios' | 'uefi'): unknown[] {
  const order = ['esp', 'boot'];
  const rank = ({ name }: Volume): number => (order.includes(name) ? order.indexOf(name) : order.length);
  const mirrored = raid(reader, 'boot_raid', '0');
  return volumes
    .filter(({ partition }) => partition)
    .sort((a, b) => rank(a) - rank(b))
    .map(({ name, path, content }) => {
      const wanted = size(reader, [...path, 'size'], 512);
      const head = {
        name: name.toUpperCase(),
        ...(name === 'esp' && firmware === 'uefi' ? { type: 'esp' } : {}),
        size: wanted,
      };
      return { ...head, content: name === 'boot' ? mirrored(content) : content };
    });
}

/** The partition that holds the volume group. */
function system(reader: Reader, volumes: readonly Volume[]): unknown {
  const lvm = {
    type: 'lvm',
    name: text(reader, ['root_vg_name'], 'vg0'),
    volumes: volumes
      .filter(({ partition }) => !partition)
      .map(({ name, path, content }) => ({ name, size: size(reader, [...path, 'size'], 2 ** 20), content })),
  };
  return { name: 'SYS', size: 'rest', content: raid(reader, 'root_vg_raid', '1')(luks(reader, lvm)) };
}

/** On when the section is there and does not say otherwise; the predecessor took a missing one for on, too. */
function enabled(reader: Reader, section: string, what: string): boolean {
  if (valueAt(reader.source, [section]) === undefined) {
    note(reader, [], `there is no section ${section}, so ${what} is off; the predecessor had it on`);
    return false;
  }
  return on(reader, [section, 'enabled'], true);
}

function raid(reader: Reader, section: string, usual: string): (content: unknown) => unknown {
  if (!enabled(reader, section, 'this array')) return (content) => content;
  unknownKeys(reader, [section], RAID);
  if (given(reader, [section, 'mdadm_uuid']) !== undefined) identity(reader, [section, 'mdadm_uuid']);
  const metadata = text(reader, [section, 'metadata'], 'default');
  if (metadata !== 'default' && metadata !== '1.2') {
    note(reader, [section, 'metadata'], `arrays have metadata 1.2, not ${metadata}`);
  }
  const homehost = text(reader, [section, 'homehost'], 'any');
  if (homehost !== 'any') note(reader, [section, 'homehost'], 'arrays are at home on any host');
  const name = text(reader, [section, 'name'], usual);
  // As before: whole with one disk, and grown for a second.
  return (content) => ({ type: 'raid1', name, devices: 1, content });
}

const CIPHERS = ['aes-xts-plain64', 'serpent-xts-plain64', 'twofish-xts-plain64'];

/** Where the passphrase is to come from from now on. */
const PASSPHRASE = 'LUKS_PASSPHRASE';

function luks(reader: Reader, content: unknown): unknown {
  const section = 'root_vg_luks';
  if (!enabled(reader, section, 'encryption')) return content;
  unknownKeys(reader, [section], LUKS);
  const at = (key: string): Path => [section, key];
  if (text(reader, at('luks_type'), 'luks2') !== 'luks2') note(reader, at('luks_type'), 'encrypted storage is LUKS2');
  if (given(reader, at('luks_uuid')) !== undefined) identity(reader, at('luks_uuid'));
  if (text(reader, at('hash'), 'sha256') !== 'sha256') note(reader, at('hash'), 'the hash is sha256');
  if (given(reader, at('integrity')) !== undefined) {
    note(reader, at('integrity'), 'storage with integrity tags cannot be made in a file: left out');
  }
  const cipher = text(reader, at('cipher'), CIPHERS[0] ?? '');
  if (!CIPHERS.includes(cipher)) note(reader, at('cipher'), `${cipher} is left out: known are ${CIPHERS.join(', ')}`);
  const bits = Number(text(reader, at('key_size'), '512'));
  if (bits !== 256 && bits !== 512) note(reader, at('key_size'), 'keys have 256 or 512 bits: 512 are taken');
  const pbkdf = given(reader, at('pbkdf'));
  note(reader, at('passphrase'), `the passphrase is not copied: it comes from the environment, $${PASSPHRASE}`);
  return {
    type: 'luks',
    name: text(reader, at('enc_name'), 'root_pv_crypt'),
    passphrase: { env: PASSPHRASE },
    ...(CIPHERS.slice(1).includes(cipher) ? { cipher } : {}),
    ...(bits === 256 ? { keyBits: bits } : {}),
    ...(pbkdf === undefined ? {} : { pbkdf }),
    content,
  };
}

/** A size as layouts write it. A bare number was bytes to truncate, sectors to sfdisk and MiB to lvcreate. */
function size(reader: Reader, path: Path, unit: number): number | string | undefined {
  const value = given(reader, path);
  if (value === undefined) return undefined;
  const [, number = '', prefix = '', bytes = ''] = /^(\d+(?:\.\d+)?)([kmgt]?)(i?b)?$/i.exec(value) ?? [];
  if (number === '') {
    fail(reader, path, `"${value}" is not a size, such as 512M or 10G`);
    return undefined;
  }
  if (prefix === '') return Math.round(Number(number) * unit);
  if (/^b$/i.test(bytes))
    note(reader, path, `${value} is taken for ${number}${prefix.toUpperCase()}, in units of 1024`);
  return `${number}${prefix.toUpperCase()}`;
}

const OFF = ['0', 'false', 'no', 'off', ''];

function on(reader: Reader, path: Path, usual: boolean): boolean {
  const value = valueAt(reader.source, path);
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return usual;
  const off = OFF.includes(String(value).toLowerCase());
  // Its YAML was 1.1, to which a bare `no` or `off` is false; these two can only have been quoted.
  if (value === '0' || value === 'false') {
    note(reader, path, `"${value}" is off; to the predecessor every text was on`);
  }
  return !off;
}

function given({ source }: Reader, path: Path): string | undefined {
  const value = valueAt(source, path);
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

function text(reader: Reader, path: Path, usual: string): string {
  const value = given(reader, path);
  return value === undefined || value === '' ? usual : value;
}

function unknownKeys(reader: Reader, path: Path, known: readonly string[]): void {
  const value = path.length === 0 ? reader.source.value : valueAt(reader.source, path);
  if (!isMapping(value)) return;
  for (const key of Object.keys(value).filter((name) => !known.includes(name))) {
    const near = nearest(key, known);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    reader.notes.push(problemAt(reader.source, [...path, key], `unknown and left out${hint}`, { part: 'key' }));
  }
}

function identity(reader: Reader, path: Path): void {
  note(reader, path, 'identities are not taken over: new ones come from the name and the layout');
}

function note({ source, notes }: Reader, path: Path, message: string): void {
  notes.push(problemAt(source, path, message));
}

function fail({ source, errors }: Reader, path: Path, message: string): void {
  errors.push(problemAt(source, path, message));
}
