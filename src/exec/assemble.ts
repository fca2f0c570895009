import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { layerHeaders, type DiskWrite } from '../disk/headers.js';
import { partitionTable } from '../disk/partition-table.js';
import { sizeFor } from '../disk/room.js';
import type { DiskPlan } from '../disk/types.js';
import { filesystemsOf, leavesOf, type FilesystemLeaf } from '../disk/walk.js';
import { CommandError, UserError } from '../errors.js';
import { formatBytes } from '../units.js';
import { bootFiles, bootWrites, type Kept } from './assemble-boot.js';
import { emptyFile } from './assemble-btrfs.js';
import { feedFilesystem, makeSwap, type AssembleContext, type Target } from './assemble-filesystems.js';
import { routeTar, type Deliver, type Load } from './assemble-route.js';
import { encryptLuks, makeLuksHeader, newContainer, type Container } from './luks.js';
import { together } from './parallel.js';

export type { AssembleContext, Target } from './assemble-filesystems.js';

/** The tree that the image is made of. */
export interface TreeSource {
  /** Reads it as a tar; throws at the end when it was not whole. */
  readonly openTar: () => AsyncIterable<Buffer>;
}

/** A disk in a sparse file. */
export interface AssembledDisk {
  readonly plan: DiskPlan;
  readonly path: string;
}

/**
 * Makes the disks of a machine in files of the work directory, without root, loop devices or mounts.
 *
 * The tree is read once, as a tar, and dealt out to the file systems, whose tools run side by side and write where the
 * plan says: ext4 without a copy in between. Then come what lies around file systems, and the partition table last.
 */
export async function assembleDisks(
  context: AssembleContext,
  plans: readonly DiskPlan[],
  tree: TreeSource,
  target: Target,
): Promise<AssembledDisk[]> {
  const directory = join(context.work, 'disks');
  mkdirSync(directory, { recursive: true });
  const disks = plans.map((plan) => ({ plan, path: join(directory, `${plan.name}.img`) }));
  const pathOf = (plan: DiskPlan): string => disks.find((disk) => disk.plan === plan)?.path ?? '';
  context.log('--- assemble: empty disks, swap');
  for (const { plan, path } of disks) emptyFile(path, plan.bytes);
  for (const { data, disk } of leavesOf(plans)) {
    if (data.type === 'swap') await makeSwap(context, pathOf(disk), data);
  }
  const files = bootFiles();
  context.log('--- assemble: file systems');
  const containers = containersOf(plans);
  const place: Place = ({ disk, carriers }) => {
    return { path: pathOf(disk), container: containers.find(({ plan }) => carriers.includes(plan)) };
  };
  const [headers] = await together(
    context.signal,
    async (signal) => await luksHeaders({ ...context, signal }, containers, target),
    async (signal) => {
      await fill({ ...context, signal }, filesystemsOf(plans), tree, target, place, files);
    },
  );
  for (const { plan, path } of disks) {
    context.log('--- assemble: headers of arrays and volume groups');
    write(path, layerHeaders(plan, target.epoch));
    for (const { container, header } of headers.filter(({ container: { disk } }) => disk === plan)) {
      context.log(`--- assemble: encrypting ${container.plan.name}`);
      await encryptLuks(context, path, container, header);
    }
    context.log('--- assemble: boot code and partition table');
    // Last, for cryptsetup would find it in the file and take it for a broken header.
    write(path, [...bootWrites(plan, files), ...partitionTable(plan, target.architecture)]);
  }
  return disks;
}

interface ContainerOnDisk extends Container {
  readonly disk: DiskPlan;
}

function containersOf(disks: readonly DiskPlan[]): ContainerOnDisk[] {
  return disks.flatMap((disk) => {
    const carriers = leavesOf([disk]).flatMap((leaf) => leaf.carriers);
    const encrypted = new Set(carriers.filter((carrier) => carrier.type === 'luks'));
    return [...encrypted].map((luks) => ({ disk, ...newContainer(luks) }));
  });
}

interface Header {
  readonly container: ContainerOnDisk;
  readonly header: Buffer;
}

/** One after the other, for each takes the memory that guessing its passphrase is to take. */
async function luksHeaders(
  context: AssembleContext,
  containers: readonly ContainerOnDisk[],
  { passphrases }: Target,
): Promise<Header[]> {
  const headers: Header[] = [];
  for (const container of containers) {
    const header = await makeLuksHeader(context, container, passphrases?.[container.plan.name] ?? '');
    headers.push({ container, header });
  }
  return headers;
}

/** Where a file system lies: the file of its disk, and the encrypted storage in it. */
type Place = (leaf: FilesystemLeaf) => { readonly path: string; readonly container: Container | undefined };

async function fill(
  context: AssembleContext,
  filesystems: readonly FilesystemLeaf[],
  tree: TreeSource,
  target: Target,
  place: Place,
  files: ReadonlyMap<string, Kept>,
): Promise<void> {
  // Ends the tools, too, when what they are fed with fails.
  const broken = new AbortController();
  const signal = AbortSignal.any([context.signal, broken.signal]);
  const feeds = filesystems.map((leaf) => {
    const { path, container } = place(leaf);
    return feedFilesystem({ ...context, signal }, path, leaf.data, target, container);
  });
  const mountpoints = filesystems.map(({ data }) => data.mountpoint);
  let loads: readonly Load[];
  try {
    const deliver: Deliver = async (index, pieces) => {
      await feeds[index]?.write(pieces);
    };
    loads = await routeTar(tree.openTar(), mountpoints, target.epoch, deliver, files);
  } catch (error) {
    broken.abort();
    await Promise.allSettled(feeds.map((one) => one.end()));
    throw error;
  }
  const results = await Promise.allSettled(feeds.map((one) => one.end()));
  context.signal.throwIfAborted();
  for (const [index, leaf] of filesystems.entries()) {
    const result = results[index];
    const load = loads[index];
    if (load === undefined) continue;
    if (result?.status === 'rejected') throw failure(result.reason, leaf, load);
    warn(context, leaf, load);
  }
}

/** What tools say when a file system is full: mke2fs, mcopy, mkfs.btrfs. */
const FULL = /Could not allocate|No space left|Disk full|No free|not enough free space/i;

/** A failure in words of the profile, when the file system was too small. */
function failure(error: unknown, { data, partition, volume }: FilesystemLeaf, load: Load): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (!(error instanceof CommandError)) return error;
  const needed = sizeFor(data, load);
  // What says so with much room left means the work directory, which is told elsewhere.
  const full = FULL.test(error.tail) && needed > data.bytes * 0.75;
  if (!full && needed <= data.bytes) return error;
  const holder = volume === undefined ? `partition "${partition.name}"` : `volume "${volume}"`;
  const content = `${String(load.entries)} files and directories with ${formatBytes(load.bytes)}`;
  const enough = needed > data.bytes ? `; that takes ${formatBytes(needed)}` : '';
  return new UserError(
    `${holder} (${data.mountpoint}) has ${formatBytes(data.bytes)}, and ${content} do not fit${enough}`,
    {
      hint:
        data.mountpoint === '/' ? 'make it larger, with option disk.rootSize or in the disk tree' : 'make it larger',
      cause: error,
    },
  );
}

/** mke2fs takes only this one from a tar, and drops the others without a word (e2fsprogs 1.47.2, misc/create_inode_libarchive.c). */
const KEPT = 'security.capability';

function warn(context: AssembleContext, { data }: FilesystemLeaf, { attributes }: Load): void {
  const lost = [...attributes].filter((name) => data.format === 'vfat' || (data.format === 'ext4' && name !== KEPT));
  if (lost.length === 0) return;
  const text = `${data.format} at ${data.mountpoint} gets no extended attributes ${lost.sort().join(', ')}`;
  context.emit({ type: 'log', level: 'warn', text });
}

function write(path: string, writes: readonly DiskWrite[]): void {
  const file = openSync(path, 'r+');
  try {
    for (const { offset, bytes } of writes) writeSync(file, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(file);
  }
}
