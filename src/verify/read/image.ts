import { mkdtemp, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { UserError } from '../../errors.js';
import { output } from '../../exec/run.js';
import type { Facts } from '../facts.js';
import { textOf } from '../tree.js';
import { requireWhole } from '../qemu-check.js';
import type { Platform } from '../types.js';
import { readArchive } from './archive.js';
import { withBytes } from './bytes.js';
import type { Contents, Look } from './look.js';
import { readQcow2, readVhd, readVhdx } from './headers.js';
import { readDirectory, readErofs, readSquashfs } from './filesystem.js';
import { readIncus } from './incus.js';
import { readOci } from './oci.js';
import { readOva, type InnerDisk } from './ova.js';
import { askOvftool } from './ovftool.js';
import { knownPasswords } from './passwords.js';
import { reasonOf } from './reason.js';
import { readSystem, type System } from './system.js';
import { readVmdk } from './vmdk.js';

/** What reading needs besides the image. */
export interface Reading {
  /** Room for what has to be unpacked. */
  readonly workDir: string;
  /** Name of the machine that builds, to look for in the image. */
  readonly buildHost: string;
  readonly signal: AbortSignal;
}

type Parts = Omit<Facts, 'file' | 'tree'> & Pick<System, 'tree' | 'contents'>;

interface Kind {
  readonly name: RegExp;
  readonly platforms: readonly Platform[];
  readonly read: (file: string, look: Look) => Promise<Parts>;
}

/** By the end of the name: what the file is, what it is meant for unless somebody says otherwise, and its reader. */
const KINDS: readonly Kind[] = [
  { name: /\.oci\.tar$/i, platforms: ['oci'], read: readOci },
  { name: /(\.|^)(incus|lxd)\.tar(\.\w+)?$/i, platforms: ['incus'], read: readIncusImage },
  { name: /\.incus\.squashfs$/i, platforms: ['incus'], read: readSquashfs },
  {
    name: /\.incus\.qcow2$/i,
    platforms: ['incus'],
    read: async (file, look) => ({
      qcow2: await withBytes(file, readQcow2),
      ...(await readConverted(file, 'qcow2', look)),
    }),
  },
  { name: /\.squashfs$/i, platforms: [], read: readSquashfs },
  { name: /\.erofs$/i, platforms: [], read: readErofs },
  { name: /\.dir$/i, platforms: [], read: readDirectory },
  { name: /\.tar(\.\w+)?$/i, platforms: ['proxmox-ct'], read: readArchive },
  { name: /\.(raw|img)$/i, platforms: ['hardware'], read: readSystem },
  { name: /\.(raw|img)\.(zst|gz|xz|bz2)$/i, platforms: ['hardware'], read: readPackedDisk },
  {
    name: /\.qcow2$/i,
    platforms: ['proxmox-vm'],
    read: async (file, look) => ({
      qcow2: await withBytes(file, readQcow2),
      ...(await readConverted(file, 'qcow2', look)),
    }),
  },
  {
    name: /\.vhdx$/i,
    platforms: ['hyper-v'],
    read: async (file, look) => ({
      vhdx: await withBytes(file, readVhdx),
      ...(await readConverted(file, 'vhdx', look)),
    }),
  },
  {
    name: /\.vhd$/i,
    platforms: ['azure'],
    read: async (file, look) => ({
      vhd: await withBytes(file, readVhd),
      ...(await readConverted(file, 'vpc', look)),
    }),
  },
  {
    name: /\.vmdk$/i,
    platforms: ['vmware'],
    read: async (file, look) => ({
      vmdk: await withBytes(file, readVmdk),
      ...(await readConverted(file, 'vmdk', look)),
    }),
  },
  { name: /\.ova$/i, platforms: ['vmware'], read: readAppliance },
];

/** Whether a name is that of an image that can be looked into. */
export function isImageName(name: string): boolean {
  return KINDS.some((kind) => kind.name.test(name));
}

/** What an image is meant for, by its name. */
export function platformsOf(file: string): readonly Platform[] {
  return kindOf(file).platforms;
}

function kindOf(file: string): Kind {
  const kind = KINDS.find(({ name }) => name.test(basename(file)));
  if (kind !== undefined) return kind;
  throw new UserError(`${file} is of no kind that imgbuild knows`, {
    hint: 'names of images end in .tar.zst, .squashfs, .erofs, .dir, .oci.tar, .incus.tar.gz, .raw, .raw.zst, .qcow2, .vhdx, .vhd, .vmdk or .ova',
  });
}

/** Reads everything about an image that rules ask for. Nothing is mounted, and the image is only read. */
export async function readImage(file: string, { workDir, buildHost, signal }: Reading): Promise<Facts> {
  const asked = { workDir, signal, passphrases: [], judged: true, digests: false };
  return await withImage(file, asked, async ({ facts: { tree, ...facts } }) => {
    if (tree === undefined) return facts;
    const shadow = textOf(tree, 'etc/shadow');
    return { ...facts, tree: { ...tree, buildHost, knownPasswords: await knownPasswords(shadow, signal) } };
  });
}

/** An image that is being looked into. */
export interface OpenImage {
  readonly facts: Facts;
  /** What stands in its files; nothing of an image without a system. */
  readonly contents: Contents;
}

/** Lets `use` look into an image of any kind. What was unpacked for it is gone afterwards. */
export async function withImage<T>(
  file: string,
  { workDir, ...asked }: Omit<Look, 'scratch'> & Pick<Reading, 'workDir'>,
  use: (image: OpenImage) => Promise<T>,
): Promise<T> {
  const kind = kindOf(file);
  const scratch = await mkdtemp(join(workDir, 'verify-'));
  try {
    const { tree, contents, ...parts } = await kind.read(file, { ...asked, scratch });
    const facts = { file: { name: basename(file), bytes: (await stat(file)).size }, ...parts };
    const whole = tree === undefined ? facts : { ...facts, tree: { ...tree, buildHost: '', knownPasswords: [] } };
    return await use({ facts: whole, contents: contents ?? (() => Promise.resolve(new Map())) });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A container is in the archive itself, the disk of a machine is a member. */
async function readIncusImage(file: string, look: Look): Promise<Parts> {
  const { disk, ...parts } = await readIncus(file, look);
  if (disk === undefined) return parts;
  return {
    ...parts,
    qcow2: await withBytes(disk, readQcow2),
    ...(await converted(['-f', 'qcow2', disk], basename(file), look)),
  };
}

async function readPackedDisk(file: string, look: Look): Promise<System> {
  const { scratch, signal } = look;
  const disk = join(scratch, 'disk.raw');
  const suffix = file.slice(file.lastIndexOf('.') + 1).toLowerCase();
  const doing = 'unpacking the disk';
  if (suffix === 'zst') await output(['zstd', '-d', '-q', '--sparse', '-o', disk, '--', file], { doing, signal });
  else {
    const tool = { gz: 'gzip', xz: 'xz', bz2: 'bzip2' }[suffix] ?? 'gzip';
    // dd makes holes of zeros again.
    const script = '"$1" -dc -- "$2" | dd of="$3" bs=1M iflag=fullblock conv=sparse status=none';
    await output(['bash', '--norc', '-euo', 'pipefail', '-c', script, 'imgbuild', tool, file, disk], { doing, signal });
  }
  return await readSystem(disk, look);
}

/** Reads the disk in a file of another format. qemu-img keeps holes. */
function readConverted(file: string, format: string, look: Look): Promise<Parts> {
  return converted(['-f', format, file], basename(file), look);
}

/** What the container of a disk says about itself counts even where qemu-img cannot read it. */
async function converted(source: readonly string[], name: string, look: Look): Promise<Parts> {
  const { scratch, signal } = look;
  const disk = join(scratch, 'disk.raw');
  try {
    await requireWhole(name, source, signal);
    await output(['qemu-img', 'convert', '-O', 'raw', ...source, disk], {
      doing: `reading the disk in ${name}`,
      signal,
    });
    return await readSystem(disk, look);
  } catch (error) {
    return { unreadable: reasonOf(error, signal) };
  }
}

async function readAppliance(file: string, look: Look): Promise<Parts> {
  const { signal } = look;
  const { ova, ovf, disks } = await readOva(file, signal);
  const ovftool = look.judged ? await askOvftool(file, signal) : undefined;
  const inner = disks[0];
  if (inner === undefined) return { ova, ovf, ovftool };
  const vmdk = await withBytes(file, readVmdk, inner);
  const system = vmdk === undefined ? {} : await readConvertedInside(file, inner, look);
  return { ova, ovf, ovftool, vmdk, ...system };
}

function readConvertedInside(file: string, disk: InnerDisk, look: Look): Promise<Parts> {
  const part = { driver: 'raw', offset: disk.at, size: disk.bytes, file: { driver: 'file', filename: file } };
  const source = `json:${JSON.stringify({ driver: 'vmdk', file: part })}`;
  return converted([source], disk.name, look);
}
