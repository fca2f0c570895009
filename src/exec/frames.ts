import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdirSync, openSync, read, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CommandError } from '../errors.js';
import { compressorOf, frameName, framePath } from './compressor.js';
import { partialName, type Context } from './context.js';
import { run, TOOL_ENV } from './run.js';
import { splitTar } from './tarsplit.js';

/** A root filesystem as a list of zstd frames in the cache; in a row they are one .tar.zst. */
export interface FrameList {
  readonly frames: readonly string[];
  /** Size of the tar. */
  readonly bytes: number;
}

/** The level of frames that only the cache sees, and the default of `output.zstdLevel`, so an output costs nothing more. */
export const CACHE_LEVEL = 3;

/** How much of a tar is read at once, and how often one that is being written is looked at. */
const READ_BYTES = 1 << 20;
const POLL_MS = 5;

const readAt = promisify(read);

/** Options that make equal trees equal tars, by GNU tar's manual, "Reproducibility". */
function tarArguments(root: string, epoch: number): string[] {
  return [
    '--create',
    `--directory=${root}`,
    '--sort=name',
    '--format=pax',
    // Without the process id in names of extended headers; without times that a copy does not keep.
    '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime,delete=mtime',
    '--xattrs',
    '--xattrs-include=security.capability',
    '--xattrs-include=user.*',
    '--numeric-owner',
    '--one-file-system',
    `--mtime=@${String(epoch)}`,
    '--clamp-mtime',
    // Device nodes are the kernel's or the container manager's to make, and an unprivileged builder has none to give.
    '--exclude=./dev/*',
    '--warning=no-file-ignored',
    '.',
  ];
}

/**
 * Packs a root filesystem. Returns as soon as the tree has been read and may be changed again; `packed` is the list, once
 * every frame is in the cache.
 *
 * tar writes to a file, for it is three times as quick as whoever cuts and hashes what it writes: the next stage need not
 * wait for that.
 */
export async function packTree(
  context: Context,
  root: string,
  epoch: number,
  level: number,
): Promise<{ packed: Promise<FrameList> }> {
  const path = partialName(join(context.work, 'tree.tar'));
  const fd = openSync(path, 'w+');
  // Gone with its last reader, whatever happens.
  rmSync(path);
  const tar = spawn('tar', tarArguments(root, epoch), { env: TOOL_ENV, stdio: ['ignore', fd, 'pipe'] });
  const complaints: string[] = [];
  tar.stderr?.setEncoding('utf8').on('data', (text: string) => complaints.push(text));
  const onAbort = (): void => void tar.kill();
  context.signal.addEventListener('abort', onAbort);
  const written = (once(tar, 'close') as Promise<[number | null]>).then(([code]) => {
    context.signal.removeEventListener('abort', onAbort);
    context.signal.throwIfAborted();
    if (code === 0) return;
    throw new CommandError({
      doing: 'packing the root filesystem',
      argv: ['tar', '--create'],
      exit: `exit status ${String(code)}`,
      tail: complaints.join(''),
    });
  });
  const packed = cutTar(context, fd, written, level).finally(() => {
    closeSync(fd);
  });
  // Awaited by the caller later; until then a failure must not end the process.
  packed.catch(() => undefined);
  await written;
  return { packed };
}

/** Reads a file that is still being written, into one buffer: garbage of the size of a tree would be costly to collect. */
async function* follow(fd: number, written: Promise<void>): AsyncGenerator<Buffer> {
  const state = { complete: false };
  written.then(
    () => (state.complete = true),
    () => undefined,
  );
  const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
  for (let at = 0; ;) {
    const last = state.complete;
    const { bytesRead: bytes } = await readAt(fd, buffer, 0, READ_BYTES, at);
    at += bytes;
    if (bytes > 0) yield buffer.subarray(0, bytes);
    else if (last) return;
    else await Promise.race([written, setTimeout(POLL_MS)]);
  }
}

async function cutTar(context: Context, fd: number, written: Promise<void>, level: number): Promise<FrameList> {
  const compressor = compressorOf(context, level);
  const frames: string[] = [];
  let bytes = 0;
  for await (const piece of splitTar(follow(fd, written))) {
    const name = frameName(piece.sha256, level);
    frames.push(name);
    bytes += piece.bytes;
    if (!existsSync(framePath(context.settings.cacheDir, name))) await compressor.add(name, fd, piece);
  }
  await compressor.finish();
  return { frames, bytes };
}

/** Writes the tree that was packed into an empty directory. */
export async function unpackTree(
  context: { readonly settings: { readonly cacheDir: string } } & Pick<Context, 'signal' | 'log' | 'sound'>,
  list: FrameList,
  root: string,
): Promise<void> {
  mkdirSync(root, { recursive: true });
  const names = list.frames.map((name) => framePath(context.settings.cacheDir, name)).join('\n');
  await run(
    [
      'bash',
      '--norc',
      '-euo',
      'pipefail',
      '-c',
      'xargs -d "\\n" cat -- | zstd -dcq | tar --extract --directory="$1" --preserve-permissions --same-owner --numeric-owner --xattrs --xattrs-include="*" --delay-directory-restore',
      'unpack',
      root,
    ],
    { doing: 'unpacking a cached root filesystem', input: names, signal: context.signal, onLine: context.log },
  );
  for (const name of list.frames) context.sound.add(name);
}

/**
 * Removes the frames of a list that do not decompress to what their checksum says, with a warning.
 *
 * @returns how many were removed.
 */
export async function removeDamaged(context: Context, list: FrameList): Promise<number> {
  const unsure = list.frames.filter((name) => !context.sound.has(name));
  const paths = unsure.map((name) => framePath(context.settings.cacheDir, name));
  const test = async (files: readonly string[]): Promise<boolean> => {
    const options = { doing: 'checking the cache', signal: context.signal, accept: [0, 1] };
    return (await run(['zstd', '-tq', '--', ...files], options)) === 0;
  };
  const half = Math.ceil(paths.length / 2);
  const halves = [paths.slice(0, half), paths.slice(half)].filter((files) => files.length > 0);
  if ((await Promise.all(halves.map(test))).every(Boolean)) return 0;
  let removed = 0;
  for (const path of paths) {
    if (await test([path])) continue;
    rmSync(path, { force: true });
    removed += 1;
  }
  const text = `${String(removed)} damaged pieces of the cache are made again`;
  context.emit({ type: 'log', level: 'warn', text });
  return removed;
}

/** True when every frame is there; a pruned or half-copied cache must read as a miss. */
export function hasFrames(cacheDir: string, list: FrameList): boolean {
  return list.frames.every((name) => {
    const stat = statSync(framePath(cacheDir, name), { throwIfNoEntry: false });
    return stat !== undefined && stat.size > 0;
  });
}
