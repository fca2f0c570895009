import type { Path } from './document.js';
import type { Filesystem, Layer, Lvm, Storage, Swap } from './layout.js';
import type { Fault } from './options.js';

/** Kinds of names that must differ among themselves within a storage. */
type Kind = 'array' | 'encrypted storage' | 'volume group';

interface Named {
  readonly kind: Kind;
  readonly name: string;
  readonly path: Path;
}

/** Names and labels that a tool would refuse, cut short or mix up. */
export function checkNames(storage: Storage): Fault[] {
  const faults: Fault[] = [];
  const named: Named[] = [];
  for (const [index, disk] of storage.disks.entries()) {
    const names = disk.partitions.map((partition) => partition.name);
    for (const [n, { name, content }] of disk.partitions.entries()) {
      const path = [index, 'partitions', n];
      // The field has 36 UTF-16 units (UEFI specification, table "GPT Partition Entry").
      if (disk.table === 'gpt' && name.length > 36) {
        faults.push({
          path: [...path, 'name'],
          message: `"${name}" is longer than the 36 characters of a GPT`,
          hint: 'set a shorter name',
        });
      }
      // The kernel and udev make links of them, and tools print them.
      if (/\p{Cc}/u.test(name)) {
        const message = `${JSON.stringify(name)} has characters that no terminal shows`;
        faults.push({ path: [...path, 'name'], message, hint: 'letters, digits and dashes are safe' });
      }
      if (names.indexOf(name) < n) faults.push(twice([...path, 'name'], 'partition', name));
      if (content !== undefined) checkLayer(content, [...path, 'content'], faults, named);
    }
    if (storage.disks.findIndex(({ name }) => name === disk.name) < index) {
      faults.push(twice([index, 'name'], 'disk', disk.name));
    }
  }
  faults.push(...checkMapper(storage));
  for (const [n, { kind, name, path }] of named.entries()) {
    if (named.findIndex((other) => other.kind === kind && other.name === name) < n)
      faults.push(twice(path, kind, name));
  }
  return faults;
}

function twice(path: Path, what: string, name: string): Fault {
  return { path, message: `there is another ${what} "${name}"`, hint: 'give it another name' };
}

/** Names below /dev/mapper must differ, whoever makes them; device-mapper itself is there as `control`. */
function checkMapper(storage: Storage): Fault[] {
  const seen = new Map<string, string>([['control', "device-mapper's own device"]]);
  const faults: Fault[] = [];
  const add = (node: string, what: string, path: Path): void => {
    const other = seen.get(node);
    if (other === undefined) seen.set(node, what);
    else if (what !== other) {
      faults.push({
        path,
        message: `${what} would be /dev/mapper/${node}, as ${other} is`,
        hint: 'give it another name',
      });
    }
  };
  const walk = (layer: Layer, path: Path): void => {
    if (layer.type === 'luks') add(layer.name, `the encrypted storage "${layer.name}"`, [...path, 'name']);
    if (layer.type === 'raid1' || layer.type === 'luks') walk(layer.content, [...path, 'content']);
    if (layer.type !== 'lvm') return;
    for (const [n, { name }] of layer.volumes.entries()) {
      const node = [layer.name, name].map((part) => part.replaceAll('-', '--')).join('-');
      add(node, `the volume "${name}"`, [...path, 'volumes', n, 'name']);
    }
  };
  for (const [index, disk] of storage.disks.entries()) {
    for (const [n, { content }] of disk.partitions.entries()) {
      if (content !== undefined) walk(content, [index, 'partitions', n, 'content']);
    }
  }
  return faults;
}

function checkLayer(layer: Layer, path: Path, faults: Fault[], named: Named[]): void {
  switch (layer.type) {
    case 'filesystem':
    case 'swap':
      faults.push(...checkLabel(layer, path));
      return;
    case 'raid1':
      named.push({ kind: 'array', name: layer.name, path: [...path, 'name'] });
      // The superblock has 32 bytes for it (struct mdp_superblock_1 in Linux).
      if (!/^[A-Za-z0-9_][A-Za-z0-9._-]{0,31}$/.test(layer.name)) {
        faults.push(unfit([...path, 'name'], layer.name, 'an array', 32));
      }
      checkLayer(layer.content, [...path, 'content'], faults, named);
      return;
    case 'luks':
      named.push({ kind: 'encrypted storage', name: layer.name, path: [...path, 'name'] });
      if (!/^[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}$/.test(layer.name)) {
        faults.push(unfit([...path, 'name'], layer.name, 'encrypted storage', 64));
      }
      checkLayer(layer.content, [...path, 'content'], faults, named);
      return;
    case 'lvm':
      named.push({ kind: 'volume group', name: layer.name, path: [...path, 'name'] });
      faults.push(...checkGroup(layer, path));
      for (const [n, { content }] of layer.volumes.entries()) {
        checkLayer(content, [...path, 'volumes', n, 'content'], faults, named);
      }
  }
}

function unfit(path: Path, name: string, what: string, length: number): Fault {
  const message = `"${name}" cannot be the name of ${what}`;
  return { path, message, hint: `up to ${String(length)} letters, digits, dots, dashes and underscores` };
}

/** What LVM takes for a name (lvm(8), "Valid names"); both together make a name below /dev/mapper of 127 characters. */
const LVM_NAME = /^(?!\.{1,2}$)[A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,55}$/;

const KEPT = 'set another name, such as data';

/** Names and parts of names that LVM keeps for itself. */
const LVM_RESERVED =
  /^(?:snapshot|pvmove)|_(?:cdata|cmeta|corig|cpool|cvol|imeta|iorig|mimage|mlog|pmspare|rimage|rmeta|tdata|tmeta|vdata|vorigin|wcorig)/;

/**
 * Names below /dev that a machine may have by itself: lvm2 makes no group of a name that is there
 * ("already exists in filesystem"), and one that was made elsewhere would be without its nodes.
 */
const DEVICE_NAME =
  /^(?:block|bus|char|console|core|cpu|disk|dm-\d+|dri|fd|full|fuse|hugepages|hwrng|initctl|input|kmsg|kvm|log|loop\d*|mapper|md\d*|mem|mqueue|net|null|nvme\S*|port|ppp|ptmx|pts|random|rtc\d*|[hsv]d[a-z]+\d*|shm|snd|std(?:in|out|err)|tty\w*|urandom|usb|vfio|vhost-\w+|zero)$/;

function checkGroup({ name, volumes }: Lvm, path: Path): Fault[] {
  const faults: Fault[] = [];
  if (!LVM_NAME.test(name)) faults.push(unfit([...path, 'name'], name, 'a volume group', 56));
  else if (DEVICE_NAME.test(name)) {
    const message = `/dev/${name} is there already, and a volume group has its volumes below its name`;
    faults.push({ path: [...path, 'name'], message, hint: 'vg0 is a name that nothing else has' });
  }
  const names = volumes.map((volume) => volume.name);
  for (const [n, volume] of names.entries()) {
    const at = [...path, 'volumes', n, 'name'];
    if (names.indexOf(volume) < n) faults.push(twice(at, 'volume', volume));
    if (!LVM_NAME.test(volume)) faults.push(unfit(at, volume, 'a volume', 56));
    else if (LVM_RESERVED.test(volume))
      faults.push({ path: at, message: `LVM keeps the name "${volume}" for itself`, hint: KEPT });
  }
  return faults;
}

function checkLabel(data: Filesystem | Swap, path: Path): Fault[] {
  const { label } = data;
  const at = [...path, 'label'];
  const kind = data.type === 'swap' ? 'swap' : data.format;
  const { most, fault } = LABELS[kind];
  const bytes = Buffer.byteLength(label);
  if (bytes > most) {
    const message = `the label "${label}" has ${String(bytes)} bytes, and ${kind} takes ${String(most)}`;
    return [{ path: at, message, hint: 'set a shorter label' }];
  }
  return fault.test(label)
    ? [{ path: at, message: `the label "${label}" has characters that ${kind} does not take`, hint: LABEL_HINTS[kind] }]
    : [];
}

const NO_SLASH = 'no slashes and line breaks';
const LABEL_HINTS = { ext4: NO_SLASH, swap: NO_SLASH, btrfs: NO_SLASH, vfat: 'capitals, digits and dashes' } as const;

/**
 * Longest labels in bytes, and what they cannot hold: ext4's superblock, mkswap.c of util-linux (which ends it with a
 * NUL), BTRFS_LABEL_SIZE with its NUL, and FAT, where a lower-case letter reads differently from one system to another.
 */
const LABELS = {
  ext4: { most: 16, fault: /[\0\n/]/ },
  swap: { most: 15, fault: /[\0\n/]/ },
  btrfs: { most: 255, fault: /[\0\n/]/ },
  vfat: { most: 11, fault: /[^ -~]|[a-z"*+,./:;<=>?[\\\]|]/ },
} as const;
