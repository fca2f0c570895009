import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError } from '../errors.js';
import { compressorOf, frameName, framePath } from './compressor.js';
import { partialName, type Context } from './context.js';
import { run, TOOL_ENV } from './run.js';
import { follow } from './spool.js';
import { MAX_PIECE, tarSplitter, type Piece } from './tarsplit.js';

/** A root filesystem as a list of zstd frames in the cache; in a row they are one .tar.zst. */
export interface FrameList {
  readonly frames: readonly string[];
  /** Size of the tar. */
  readonly bytes: number;
}

/** The level of frames that only the cache sees, and the default of `output.zstdLevel`, so an output costs nothing more. */
export const CACHE_LEVEL = 3;

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

/** A tar of a tree in a file without a name, perhaps still being written. */
interface Spool {
  /** Ends when the tree has been read. */
  readonly written: Promise<void>;
  /** Reads it once, and gives its room back. What was read stays as it is until MAX_PIECE more bytes have been asked for. */
  readonly read: () => AsyncGenerator<Buffer, void>;
}

/** Has tar write to a file, for it is three times as quick as whoever cuts and hashes what it writes. */
function spoolTar(context: Context, args: readonly string[]): Spool {
  const path = partialName(join(context.work, 'tree.tar'));
  const fd = openSync(path, 'w+');
  // Gone with its last reader, whatever happens.
  rmSync(path);
  const tar = spawn('tar', args, { env: TOOL_ENV, stdio: ['ignore', fd, 'pipe'] });
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
  // Awaited by the caller later; until then a failure must not end the process.
  written.catch(() => undefined);
  return { written, read: () => follow(fd, written, MAX_PIECE) };
}

/**
 * Packs a root filesystem. Returns as soon as the tree has been read and may be changed again, which is before it has been
 * cut; `packed` is the list, once every frame is in the cache.
 */
export async function packTree(
  context: Context,
  root: string,
  epoch: number,
  level: number,
): Promise<{ packed: Promise<FrameList> }> {
  const { written, read } = spoolTar(context, tarArguments(root, epoch));
  const pack = async (): Promise<FrameList> => {
    const cutter = makeCutter(context, level);
    for await (const data of read()) await cutter.push(data);
    return await cutter.finish();
  };
  const packed = pack();
  // Awaited by the caller later; until then a failure must not end the process.
  packed.catch(() => undefined);
  await written;
  return { packed };
}

/** A tree that goes away while it is read. */
export interface PackingAway {
  /** The tar, to be read once; a piece must be done with when the next but one is asked for. */
  readonly tar: () => AsyncIterable<Buffer>;
  /** Reads what nobody has read yet, and gives the list, once every frame is in the cache. */
  readonly finish: () => Promise<FrameList>;
}

/**
 * Packs a root filesystem that nobody needs afterwards: files are gone as soon as tar has them, and the tar as soon as it is
 * read, so that whoever uses it finds the memory that the tree took. Memory that was not used lately can cost more than what
 * is written to it, on machines that give theirs back to a host (0.55 and 2.8 seconds per GiB were seen).
 */
export function packAway(context: Context, root: string, epoch: number, level: number): PackingAway {
  // What tar passes over keeps it from removing the directory. A link there, of a tarball that a user gave, is tar's to pack.
  const dev = join(root, 'dev');
  const own = lstatSync(dev, { throwIfNoEntry: false })?.isDirectory() === true;
  for (const name of own ? readdirSync(dev) : []) rmSync(join(dev, name), { recursive: true });
  const cutter = makeCutter(context, level);
  const pieces = spoolTar(context, [...tarArguments(root, epoch), '--remove-files']).read();
  const next = async (): Promise<Buffer | undefined> => {
    const { value } = await pieces.next();
    if (value !== undefined) await cutter.push(value);
    return value ?? undefined;
  };
  return {
    tar: async function* () {
      for (let data = await next(); data !== undefined; data = await next()) yield data;
    },
    finish: async () => {
      while ((await next()) !== undefined);
      return await cutter.finish();
    },
  };
}

/** Cuts a tar and compresses what the cache does not have, or what this build has not seen to be sound there. */
function makeCutter(context: Context, level: number) {
  const compressor = compressorOf(context, level);
  const splitter = tarSplitter();
  const frames: string[] = [];
  let bytes = 0;
  const take = async (piece: Piece): Promise<void> => {
    const name = frameName(piece.sha256, level);
    frames.push(name);
    bytes += piece.bytes;
    const there = context.sound.has(name) && existsSync(framePath(context.settings.cacheDir, name));
    if (!there) await compressor.add(name, piece);
  };
  return {
    push: async (data: Buffer): Promise<void> => {
      for (const piece of splitter.push(data)) await take(piece);
    },
    finish: async (): Promise<FrameList> => {
      for (const piece of splitter.finish()) await take(piece);
      await compressor.finish();
      return { frames, bytes };
    },
  };
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
