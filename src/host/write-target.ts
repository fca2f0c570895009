import { existsSync, realpathSync, statSync, type Stats } from 'node:fs';
import path from 'node:path';
import { EXIT, UserError } from '../errors.js';
import { formatBytes } from '../units.js';
import { blockDevice, usesOf, type BlockDevice, type KernelView, type Use } from './block-devices.js';

/** Where an image is to be written, as it was found without opening it. */
export interface WriteTarget {
  /** As the user named it. */
  readonly name: string;
  /** Links followed. */
  readonly path: string;
  readonly kind: 'new file' | 'file' | 'device';
  /** What it can hold; of a new file what it gets. */
  readonly bytes: number;
  readonly device?: BlockDevice;
  readonly uses: readonly Use[];
}

/**
 * Finds out what a target is and what uses it. Nothing is opened.
 *
 * @throws UserError when it can never be written: a directory, a terminal, a device that is locked.
 */
export function inspectTarget(name: string, imageBytes: number, view: KernelView): WriteTarget {
  if (!existsSync(name)) return newFile(name, imageBytes);
  const real = realpathSync(name);
  const stat = statSync(real);
  if (stat.isFile()) return { name, path: real, kind: 'file', bytes: stat.size, uses: [] };
  if (!stat.isBlockDevice()) {
    throw new UserError(`${name} is neither a disk nor a file`, { hint: '`lsblk` lists the disks' });
  }
  const device = blockDevice(view, numbersOf(stat));
  if (device === undefined) {
    throw new UserError(`${name}: the kernel knows nothing of this device`, { exitCode: EXIT.environment });
  }
  if (device.bytes === 0) throw new UserError(`${name} is empty: no medium is inserted`);
  if (device.readonly) throw new UserError(`${name} can only be read`, { hint: 'is there a switch on the card?' });
  return { name, path: real, kind: 'device', bytes: device.bytes, device, uses: usesOf(view, device.name) };
}

function newFile(name: string, bytes: number): WriteTarget {
  const absolute = path.resolve(name);
  const directory = path.dirname(absolute);
  // On the memory that /dev is, the file would take all there is and nobody would find it.
  if (/^\/dev\/(?!shm\/)/.test(absolute)) {
    throw new UserError(`there is no device ${name}`, { hint: '`lsblk` lists the disks' });
  }
  if (!existsSync(directory)) throw new UserError(`there is no directory ${directory}`);
  return { name, path: absolute, kind: 'new file', bytes, uses: [] };
}

/** As the kernel writes them; Linux packs both into one number (sys/sysmacros.h). */
function numbersOf({ rdev }: Stats): string {
  const major = Math.floor(rdev / 256) % 4096;
  const minor = (rdev % 256) + Math.floor(rdev / 2 ** 20) * 256;
  return `${String(major)}:${String(minor)}`;
}

/** What the user said besides the names. */
export interface Permission {
  /** Yes, overwrite it. */
  readonly yes: boolean;
  /** Even though something uses it. */
  readonly force: boolean;
}

/**
 * Refuses a target that the image does not fit, or that must not be overwritten without being told so.
 *
 * @returns the question to be answered first; undefined when nothing is left to ask.
 */
export function judgeTarget(target: WriteTarget, imageBytes: number, { yes, force }: Permission): string | undefined {
  if (target.bytes < imageBytes) {
    throw new UserError(
      `${target.name} has ${exact(target.bytes)}, and the image needs ${exact(imageBytes)}: ${formatBytes(imageBytes - target.bytes)} are missing`,
    );
  }
  if (target.kind === 'new file') return undefined;
  if (target.kind === 'file') {
    if (yes) return undefined;
    throw new UserError(`${target.name} exists already`, { hint: '--yes overwrites it' });
  }
  const { device, uses } = target;
  if (device !== undefined && device.sectorBytes !== 512) {
    throw new UserError(
      `${target.name} has sectors of ${String(device.sectorBytes)} bytes, and the image's partition table is made for 512`,
      { hint: 'some disks can be set to 512 bytes: `nvme format --lbaf`, `hdparm --set-sector-size`' },
    );
  }
  const objections = [
    ...(device?.disk === undefined ? [] : [`it is a partition of ${device.disk}, and an image is for a whole disk`]),
    ...uses.map(({ device: part, what }) => `${part} is ${what}`),
  ];
  if (objections.length > 0 && !force) {
    const system = uses.some((use) => use.system) ? ", this system's own disk," : '';
    throw new UserError(`${target.name}${system} is not overwritten: ${objections.join('; ')}`, {
      hint: 'choose another device, or free this one; --force together with --yes overwrites it all the same',
    });
  }
  if (yes) return undefined;
  const what = [device?.model ?? '', exact(target.bytes)].filter((word) => word !== '').join(', ');
  const warning = objections.length === 0 ? '' : ` ALTHOUGH ${objections.join('; ')}`;
  return `All that is on ${target.path} (${what}) will be lost${warning}. Its name again, to go on: `;
}

function exact(bytes: number): string {
  return `${formatBytes(bytes)} (${String(bytes)} bytes)`;
}
