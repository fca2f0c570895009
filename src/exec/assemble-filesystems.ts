import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inodeRatio } from '../disk/room.js';
import type { FilesystemPlan, SwapPlan } from '../disk/types.js';
import { uuidOf } from '../disk/identity.js';
import { subvolumeOf } from '../disk/walk.js';
import { UserError } from '../errors.js';
import { makeBtrfs } from './assemble-btrfs.js';
import { feed, type Feed } from './assemble-pipe.js';
import type { Context } from './context.js';
import type { Container } from './luks.js';
import { run } from './run.js';

export type AssembleContext = Pick<Context, 'work' | 'signal' | 'log' | 'emit'>;

/** What the image is for, where that changes how file systems are made. */
export interface Target {
  readonly suite: string;
  readonly architecture: string;
  /** Seconds since the epoch: every time in the disks. */
  readonly epoch: number;
  /** What opens encrypted storage, by its name. */
  readonly passphrases?: Readonly<Record<string, string>>;
}

/** Starts a file system that takes a tar; it lies in `disk`, where the plan says, and perhaps in encrypted storage there. */
export function feedFilesystem(
  context: AssembleContext,
  disk: string,
  plan: FilesystemPlan,
  target: Target,
  container?: Container,
): Feed {
  switch (plan.format) {
    case 'ext4':
      return feed(context, ext4Arguments(disk, plan, target), {
        doing: `making the file system ${plan.mountpoint}`,
        env: { SOURCE_DATE_EPOCH: String(target.epoch) },
      });
    case 'vfat':
      return throughDirectory(context, plan, (directory) => makeVfat(context, disk, plan, target, directory));
    case 'btrfs':
      return throughDirectory(context, plan, (directory) =>
        makeBtrfs(context, disk, plan, target, directory, container),
      );
  }
}

/**
 * Features of ext4, named one by one so that nothing depends on a configuration file, as far as the kernel, e2fsprogs and
 * GRUB of the suite itself take them:
 * - metadata_csum_seed, with which another UUID costs nothing: GRUB refuses it before commit 7fd5feff97c4 of 2021, which
 *   is not in bullseye's 2.06-3 and is in bookworm's 2.06-13 (read with its grub-fstest);
 * - orphan_file: Linux 5.15 and e2fsprogs 1.47.0; Debian's mke2fs makes it from trixie on.
 */
function ext4Features(suite: string): string {
  const features = [
    'none,sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr',
    'has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize',
  ];
  if (suite !== 'bullseye') features.push('metadata_csum_seed');
  if (suite !== 'bullseye' && suite !== 'bookworm') features.push('orphan_file');
  return features.join(',');
}

function ext4Arguments(disk: string, plan: FilesystemPlan, { suite }: Target): string[] {
  const root = plan.mountpoint === '/';
  const extended = [
    `offset=${String(plan.start)}`,
    `hash_seed=${uuidOf(plan.uuid, 'hash seed')}`,
    'root_owner=0:0',
    // The file is all holes: nothing has to be zeroed, now or by the kernel later.
    'assume_storage_prezeroed=1',
    'nodiscard',
  ];
  return [
    'mke2fs',
    '-q',
    '-F',
    ...['-t', 'ext4'],
    // Small file systems would get blocks of 1 KiB, too small for a long extended attribute.
    ...['-b', '4096'],
    ...['-I', '256'],
    ...['-i', String(inodeRatio(plan.bytes))],
    // What root keeps for itself so that a full disk can still be tidied up; 5 % is a lot on today's disks.
    ...['-m', root ? '2' : '0'],
    ...['-e', root ? 'remount-ro' : 'continue'],
    ...['-O', ext4Features(suite)],
    ...['-U', plan.uuid],
    ...['-L', plan.label],
    ...['-E', extended.join(',')],
    ...['-d', '-'],
    disk,
    `${String(plan.bytes / 1024)}k`,
  ];
}

/** A file system whose tool takes a directory: the tar is unpacked first. */
function throughDirectory(
  context: AssembleContext,
  plan: FilesystemPlan,
  make: (directory: string) => Promise<void>,
): Feed {
  const directory = join(context.work, `fs-${plan.uuid}`);
  const top = join(directory, subvolumeOf(plan));
  mkdirSync(top, { recursive: true });
  const owners = plan.format === 'vfat' ? ['--no-same-owner'] : ['--same-owner', '--xattrs', '--xattrs-include=*'];
  const argv = ['tar', '--extract', `--directory=${top}`, '--numeric-owner', '--preserve-permissions', ...owners];
  // Reads 256 KiB at a time instead of 10, which takes a quarter less time.
  const large = ['--blocking-factor=512', '--read-full-records'];
  const unpacking = feed(context, [...argv, ...large, '--delay-directory-restore'], {
    doing: `unpacking what belongs to ${plan.mountpoint}`,
  });
  return {
    write: unpacking.write,
    end: async () => {
      await unpacking.end();
      await make(directory);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function makeVfat(
  context: AssembleContext,
  disk: string,
  plan: FilesystemPlan,
  { epoch }: Target,
  directory: string,
): Promise<void> {
  const options = {
    doing: `making the file system ${plan.mountpoint}`,
    // The times of vfat are local ones.
    env: { SOURCE_DATE_EPOCH: String(epoch), TZ: 'UTC', MTOOLS_SKIP_CHECK: '1' },
    signal: context.signal,
    onLine: context.log,
  };
  const sector = String(plan.start / 512);
  const id = plan.uuid.replace('-', '');
  const label = plan.label === '' ? [] : ['-n', plan.label];
  const cluster = String(clusterSectors(plan.bytes));
  const make = ['mkfs.vfat', '-F', '32', '-s', cluster, '--invariant', '-i', id, ...label, '--offset', sector];
  await run([...make, disk, String(plan.bytes / 1024)], options);
  const image = `${disk}@@${String(plan.start)}`;
  // In one order, for the place of a file follows from it; a directory at a time, which is a process each.
  for (const { name, directories, files } of directoriesBelow(directory, '', plan.mountpoint)) {
    const to = `::${name}/`;
    if (directories.length > 0) await run(['mmd', '-i', image, ...directories.map((entry) => to + entry)], options);
    const paths = files.map((entry) => join(directory, name, entry));
    if (paths.length > 0) await run(['mcopy', '-m', '-i', image, ...paths, to], options);
  }
}

/**
 * Sectors of a cluster, as Microsoft's description of FAT32 has them. mkfs.vfat (4.2) goes by the size of the whole file
 * instead, and then there may be fewer clusters than make a FAT32.
 */
function clusterSectors(bytes: number): number {
  const steps = [
    [260 * 2 ** 20, 1],
    [8 * 2 ** 30, 8],
    [16 * 2 ** 30, 16],
    [32 * 2 ** 30, 32],
  ] as const;
  return steps.find(([most]) => bytes <= most)?.[1] ?? 64;
}

interface Listing {
  /** '' or `/EFI/BOOT`. */
  readonly name: string;
  readonly directories: readonly string[];
  readonly files: readonly string[];
}

/** A directory and all below it, outer ones first, everything in the order of names. */
function directoriesBelow(top: string, name: string, mountpoint: string): Listing[] {
  const entries = readdirSync(join(top, name), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  const strange = entries.find((entry) => !entry.isFile() && !entry.isDirectory());
  if (strange !== undefined) {
    const base = mountpoint === '/' ? '' : mountpoint;
    throw new UserError(`${base}${name}/${strange.name} is no file and no directory, and vfat holds nothing else`);
  }
  const directories = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => entry.name);
  const below = directories.flatMap((entry) => directoriesBelow(top, `${name}/${entry}`, mountpoint));
  return [{ name, directories, files }, ...below];
}

/** Makes swap space. */
export async function makeSwap(context: AssembleContext, disk: string, plan: SwapPlan): Promise<void> {
  const label = plan.label === '' ? [] : ['-L', plan.label];
  const argv = ['mkswap', '-q', '-U', plan.uuid, ...label, '--offset', String(plan.start), disk];
  const doing = 'making swap space';
  await run([...argv, String(plan.bytes / 1024)], { doing, signal: context.signal, onLine: context.log });
}
