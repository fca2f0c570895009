import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';

/** Where the kernel tells about devices and mounts; other directories in tests. */
export interface KernelView {
  readonly proc: string;
  readonly sys: string;
}

export const KERNEL: KernelView = { proc: '/proc', sys: '/sys' };

/** A disk or partition as the kernel knows it. */
export interface BlockDevice {
  /** As below /sys/class/block: `sda`, `nvme0n1p2`, `dm-0`. */
  readonly name: string;
  readonly bytes: number;
  readonly readonly: boolean;
  /** The disk that it is a partition of. */
  readonly disk: string | undefined;
  /** What a sector is to its users. */
  readonly sectorBytes: number;
  /** What the maker calls it, '' when it does not say. */
  readonly model: string;
}

/** What uses a device, in words for messages. */
export interface Use {
  /** The device that is used: the disk itself, a partition, something that lies on one. */
  readonly device: string;
  /** `mounted at /home`, `swap`, `part of md0`. */
  readonly what: string;
  /** What the running system cannot do without. */
  readonly system: boolean;
}

/**
 * The device with these numbers; undefined when the kernel shows none.
 *
 * @param numbers as the kernel writes them: `8:0`.
 */
export function blockDevice(view: KernelView, numbers: string): BlockDevice | undefined {
  const name = names(view).find((candidate) => text(view, candidate, 'dev') === numbers);
  if (name === undefined) return undefined;
  const disk = existsSync(file(view, name, 'partition')) ? parentOf(view, name) : undefined;
  const whole = disk ?? name;
  return {
    name,
    bytes: Number(text(view, name, 'size')) * 512,
    readonly: text(view, name, 'ro') === '1',
    disk,
    sectorBytes: Number(text(view, whole, 'queue/logical_block_size') || '512'),
    model: [text(view, whole, 'device/vendor'), text(view, whole, 'device/model')]
      .filter((word) => word !== '')
      .join(' '),
  };
}

function names(view: KernelView): string[] {
  const directory = path.join(view.sys, 'class/block');
  return existsSync(directory) ? readdirSync(directory) : [];
}

function file(view: KernelView, name: string, attribute: string): string {
  return path.join(view.sys, 'class/block', name, attribute);
}

function text(view: KernelView, name: string, attribute: string): string {
  return read(file(view, name, attribute)).trim();
}

function read(name: string): string {
  try {
    return readFileSync(name, 'utf8');
  } catch {
    // Not every device has every attribute, and /proc/1 is not for everybody.
    return '';
  }
}

/** A partition's directory lies in that of its disk. */
function parentOf(view: KernelView, name: string): string {
  return path.basename(path.dirname(realpathSync(path.join(view.sys, 'class/block', name))));
}

function listed(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory) : [];
}

/** A device, its partitions, and all that lies on them: arrays, device-mapper, loop devices. */
function family(view: KernelView, name: string, loops: ReadonlyMap<string, string>): string[] {
  const found = new Set<string>();
  const add = (device: string): void => {
    if (found.has(device)) return;
    found.add(device);
    const entries = listed(path.join(view.sys, 'class/block', device));
    for (const entry of entries) if (existsSync(file(view, device, `${entry}/partition`))) add(entry);
    for (const holder of listed(file(view, device, 'holders'))) add(holder);
    for (const [loop, backing] of loops) if (backing === device) add(loop);
  };
  add(name);
  return [...found];
}

/**
 * Everything that uses a device or a part of it, the worst first.
 *
 * Mounts of other containers are not seen from here; the kernel itself refuses to open for writing alone what is in use.
 */
export function usesOf(view: KernelView, name: string): Use[] {
  const loops = new Map(
    names(view).map((loop) => [loop, nodeOf(view, text(view, loop, 'loop/backing_file'))] as const),
  );
  const members = family(view, name, loops);
  const numbers = new Map(members.map((member) => [text(view, member, 'dev'), member] as const));
  const uses: Use[] = [];
  const add = (device: string, what: string, system: boolean): void => {
    if (!uses.some((use) => use.device === device && use.what === what)) uses.push({ device, what, system });
  };
  for (const mount of [...mounts(view, 'self'), ...mounts(view, '1')]) {
    const byName = nodeOf(view, mount.source);
    const device = numbers.get(mount.numbers) ?? (members.includes(byName) ? byName : undefined);
    if (device !== undefined) add(device, `mounted at ${mount.at}`, SYSTEM.test(mount.at));
  }
  for (const line of read(path.join(view.proc, 'swaps')).split('\n').slice(1)) {
    const swap = nodeOf(view, line.split(/\s/)[0] ?? '');
    if (members.includes(swap)) add(swap, 'swap', true);
  }
  for (const device of members) {
    for (const holder of listed(file(view, device, 'holders'))) add(device, `part of ${label(view, holder)}`, false);
    for (const [loop, backing] of loops) if (backing === device) add(device, `behind ${loop}`, false);
  }
  for (const btrfs of listed(path.join(view.sys, 'fs/btrfs'))) {
    for (const device of listed(path.join(view.sys, 'fs/btrfs', btrfs, 'devices'))) {
      if (members.includes(device)) add(device, 'part of a btrfs that is mounted', false);
    }
  }
  return uses.sort((a, b) => Number(b.system) - Number(a.system));
}

/** What a running system keeps its programs, kernels and states in. */
const SYSTEM = /^\/(?:(?:boot|efi|usr|var|etc|home)(?:\/.*)?)?$/;

function label(view: KernelView, holder: string): string {
  const name = text(view, holder, 'dm/name');
  return name === '' ? holder : `${name} (${holder})`;
}

/** Name below /sys/class/block of a path below /dev; '' for what is none. */
function nodeOf(view: KernelView, source: string): string {
  if (!source.startsWith('/dev/')) return '';
  const mapped = /^\/dev\/mapper\/(.+)$/.exec(source)?.[1];
  if (mapped !== undefined) return names(view).find((name) => text(view, name, 'dm/name') === mapped) ?? '';
  // sysfs writes a slash in a name as an exclamation mark: cciss!c0d0.
  return source.slice('/dev/'.length).replaceAll('/', '!');
}

interface Mount {
  readonly numbers: string;
  readonly at: string;
  readonly source: string;
}

/** Lines of mountinfo (proc_pid_mountinfo(5)): what stands behind the dash follows a variable number of fields. */
function mounts(view: KernelView, process: string): Mount[] {
  return read(path.join(view.proc, process, 'mountinfo'))
    .split('\n')
    .flatMap((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [, , numbers = '', , at = ''] = before.split(' ');
      return at === '' ? [] : [{ numbers, at: plain(at), source: plain(after.split(' ')[1] ?? '') }];
    });
}

/** Blanks in names are written in octal. */
function plain(name: string): string {
  return name.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
