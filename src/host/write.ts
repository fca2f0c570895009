import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, rmSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { growLayers, type GrownLayers } from '../disk/grow-layers.js';
import { fitTable, type GrownPartition } from '../disk/grow-table.js';
import type { DiskWrite } from '../disk/headers.js';
import { EXIT, UserError } from '../errors.js';
import { readAt, writeAll } from '../exec/positioned.js';
import { CHUNK, chunksOf, type WritableImage } from './write-image.js';
import type { WriteTarget } from './write-target.js';

/** What writing is to do beyond writing. */
export interface WriteOptions {
  readonly grow: boolean;
  /** Leave alone what the block map does not name, as bmaptool does: quicker, and old data stays there. */
  readonly mappedOnly: boolean;
  readonly verify: boolean;
  /** The device is used by something, and the user knows. */
  readonly shared: boolean;
}

/** How far it is; called often. */
export type OnProgress = (doing: 'writing' | 'comparing', done: number, total: number) => void;

/** What was done. */
export interface WriteResult {
  readonly imageBytes: number;
  /** Bytes that were written: what is zero there already is not. */
  readonly written: number;
  readonly verified: boolean;
  readonly grown?: GrownPartition & Pick<GrownLayers, 'done' | 'left'>;
}

/** A slow stick must not be given more than this ahead, or the end would be waited for at the end, without a word. */
const SYNC_EVERY = 64 * CHUNK;

/**
 * Writes an image to its target and reads it back.
 *
 * The beginning, with the partition table, comes last: what was interrupted or went wrong is no disk that looks whole.
 * Parts that are zero are read first and written only where the target has something else.
 *
 * @throws UserError for an image that is damaged, a target that is busy, or one that does not keep what it is given.
 */
export async function writeImage(
  image: WritableImage,
  target: WriteTarget,
  options: WriteOptions,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<WriteResult> {
  const handle = await openTarget(target, options.shared);
  try {
    if (target.kind === 'new file') await handle.truncate(image.bytes);
    const digests: (string | undefined)[] = [];
    const job: Job = { image, target, options, onProgress, signal, handle, digests };
    const { head, written } = await writeBody(job);
    const table = fitTable(head, image.bytes, target.bytes, options.grow);
    for (const write of table.writes) await change(job, write);
    const layers = table.grown === undefined ? undefined : await growContent(job, table.grown);
    await handle.sync();
    if (options.verify) await compare(job, table.writes);
    signal.throwIfAborted();
    await writeAll(handle, table.head, 0);
    await handle.sync();
    await forget(target.path);
    if (options.verify) await compareBytes(handle, target, { offset: 0, bytes: table.head });
    return {
      imageBytes: image.bytes,
      written,
      verified: options.verify,
      ...(table.grown === undefined
        ? {}
        : { grown: { ...table.grown, done: layers?.done ?? [], left: layers?.left ?? '' } }),
    };
  } catch (error) {
    // Half a file is of no use; half a device is there all the same, and has no partition table.
    if (target.kind === 'new file') rmSync(target.path, { force: true });
    throw error;
  } finally {
    await handle.close();
    // The kernel does not look at a partition table again by itself; udev may have done so already.
    if (target.kind === 'device') await quietly('blockdev', ['--rereadpt', target.path]);
  }
}

interface Job {
  readonly image: WritableImage;
  readonly target: WriteTarget;
  readonly options: WriteOptions;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
  readonly handle: FileHandle;
  /** Of each part of the image but the first; undefined where nothing was written. */
  readonly digests: (string | undefined)[];
}

async function openTarget({ path, name, kind }: WriteTarget, shared: boolean): Promise<FileHandle> {
  const { O_RDWR, O_CREAT, O_EXCL } = constants;
  // For a device, O_EXCL asks the kernel whether anything has claimed it: mounts, arrays, LVM (open(2)).
  const flags = kind === 'file' || (kind === 'device' && shared) ? O_RDWR : O_RDWR | O_EXCL;
  try {
    return await open(path, kind === 'new file' ? flags | O_CREAT : flags, 0o644);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EBUSY') {
      throw new UserError(`${name} is in use by something that only the kernel knows of`, {
        hint: 'another container or ZFS may have it; --force together with --yes overwrites it all the same',
      });
    }
    if (code !== 'EACCES' && code !== 'EPERM') throw error;
    throw new UserError(`${name} is not yours to write`, {
      exitCode: EXIT.environment,
      hint: kind === 'device' ? 'run the same command with sudo' : 'choose another file',
      cause: error,
    });
  }
}

/** Writes all but the beginning, which is made unreadable for the time being, and notes what was written. */
async function writeBody(job: Job): Promise<{ readonly head: Buffer; readonly written: number }> {
  const { image, target, options, onProgress, signal, handle, digests } = job;
  const zeros = Buffer.alloc(CHUNK);
  let head: Buffer = Buffer.alloc(0);
  let written = 0;
  let unsynced = 0;
  for await (const { start, bytes, data } of chunksOf(image, signal)) {
    onProgress('writing', start, image.bytes);
    if (start === 0) {
      head = Buffer.alloc(Math.min(CHUNK, target.bytes));
      data?.copy(head);
      await writeAll(handle, zeros.subarray(0, head.length), 0);
    } else if (data !== undefined) {
      await writeAll(handle, data, start);
      digests.push(digestOf(data));
    } else if (options.mappedOnly && image.bmap !== undefined) {
      digests.push(undefined);
      continue;
    } else {
      digests.push(digestOf(zeros.subarray(0, bytes)));
      // A new file is zero everywhere and stays full of holes.
      if (target.kind === 'new file' || (await readAt(handle, start, bytes)).equals(zeros.subarray(0, bytes))) continue;
      await writeAll(handle, zeros.subarray(0, bytes), start);
    }
    written += bytes;
    unsynced += bytes;
    if (unsynced >= SYNC_EVERY) {
      await handle.datasync();
      unsynced = 0;
    }
  }
  return { head, written };
}

function digestOf(data: Buffer): string {
  return createHash('sha256').update(data).digest('base64');
}

/** Writes something other than the image has, and notes what has to be read back there now. */
async function change({ target, handle, image, digests }: Job, { offset, bytes }: DiskWrite): Promise<void> {
  for (let start = Math.floor(offset / CHUNK) * CHUNK; start < offset + bytes.length; start += CHUNK) {
    const digest = digests[start / CHUNK - 1];
    if (digest === undefined) continue;
    const part = await readAt(handle, start, Math.min(CHUNK, image.bytes - start));
    if (digestOf(part) !== digest) throw spoiled(target, start, part.length);
    const from = Math.max(offset, start);
    bytes.copy(part, from - start, from - offset);
    digests[start / CHUNK - 1] = digestOf(part);
  }
  await writeAll(handle, bytes, offset);
}

/** Grows what lies in the last partition; its beginning is on the target already. */
async function growContent(job: Job, { start, bytes }: GrownPartition): Promise<GrownLayers> {
  const layers = await growLayers((offset, count) => readAt(job.handle, start + offset, count), bytes);
  for (const write of layers.writes) await change(job, { ...write, offset: start + write.offset });
  return layers;
}

/** Reads everything back from the medium, and what was written behind the image. */
async function compare(job: Job, behind: readonly DiskWrite[]): Promise<void> {
  const { image, target, onProgress, signal, handle, digests } = job;
  await forget(target.path);
  for (const [index, digest] of digests.entries()) {
    signal.throwIfAborted();
    const start = (index + 1) * CHUNK;
    const bytes = Math.min(CHUNK, image.bytes - start);
    onProgress('comparing', start, image.bytes);
    if (digest === undefined) continue;
    if (digestOf(await readAt(handle, start, bytes)) !== digest) throw spoiled(target, start, bytes);
  }
  for (const write of behind) await compareBytes(handle, target, write);
}

async function compareBytes(handle: FileHandle, target: WriteTarget, { offset, bytes }: DiskWrite): Promise<void> {
  if (!(await readAt(handle, offset, bytes.length)).equals(bytes)) throw spoiled(target, offset, bytes.length);
}

function spoiled({ name }: WriteTarget, start: number, bytes: number): UserError {
  return new UserError(
    `${name} does not keep what is written to it: bytes ${String(start)} to ${String(start + bytes - 1)} read back differently`,
    { exitCode: EXIT.step, hint: 'the medium is worn out, or larger on its label than inside: use another' },
  );
}

/** Drops what memory knows of a file or device, so that reading asks the medium; Node has no posix_fadvise. */
async function forget(path: string): Promise<void> {
  await quietly('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none']);
}

async function quietly(command: string, args: readonly string[]): Promise<void> {
  try {
    await promisify(execFile)(command, args, { env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' } });
  } catch {
    // A machine without the tool still has what matters: everything was written and synced.
  }
}
