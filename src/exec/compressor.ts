import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { giveToOwnerOf, partialName, type Context } from './context.js';
import { run } from './run.js';
import type { Piece } from './tarsplit.js';

/** What one zstd process is given, in bytes: starting one costs as much as compressing a megabyte. */
const BATCH = 24 << 20;

/** Pieces that may wait in the work directory, in bytes. */
const MAX_QUEUE = 400 << 20;

export function framePath(cacheDir: string, name: string): string {
  return join(cacheDir, 'frames', name.slice(0, 2), name);
}

/** Names depend on the level, for equal content compresses differently. */
export function frameName(sha256: string, level: number): string {
  return `${sha256}-${String(level)}.zst`;
}

type Compressor = ReturnType<typeof makeCompressor>;

const compressors = new WeakMap<Context, Map<number, Compressor>>();

/** One for all trees of a build, most pieces of which are the same, and some still on their way into the cache. */
export function compressorOf(context: Context, level: number): Compressor {
  const known = compressors.get(context) ?? new Map<number, Compressor>();
  compressors.set(context, known);
  const compressor = known.get(level) ?? makeCompressor(context, level);
  known.set(level, compressor);
  return compressor;
}

/** Compresses pieces, named by content, into the cache, on all cores, while the caller goes on. */
function makeCompressor(context: Context, level: number) {
  const scratch = join(context.work, 'frames', String(level));
  mkdirSync(scratch, { recursive: true });
  /** Pieces that are on their way into the cache. */
  const pending = new Set<string>();
  const queue: { readonly name: string; readonly bytes: number }[] = [];
  let queued = 0;
  /** Callers that wait for the end. */
  let waiting = 0;
  const running = new Set<Promise<void>>();
  let failure: unknown;

  /** Names of pieces of about a batch; at the end less, so that no processor is without work. */
  const takeBatch = (): string[] => {
    const limit = Math.min(BATCH, Math.ceil(queued / Math.max(1, cpus().length - running.size)));
    const names: string[] = [];
    for (let bytes = 0; bytes < limit;) {
      const next = queue.shift();
      if (next === undefined) break;
      names.push(next.name);
      bytes += next.bytes;
      queued -= next.bytes;
    }
    return names;
  };
  const start = (): void => {
    while (queued >= (waiting > 0 ? 1 : BATCH) && running.size < cpus().length && failure === undefined) {
      const batch = takeBatch();
      const job: Promise<void> = compress(context, scratch, batch, level)
        .catch((error: unknown) => {
          failure ??= error;
        })
        .finally(() => {
          for (const name of batch) pending.delete(name);
          running.delete(job);
          start();
        });
      running.add(job);
    }
  };
  return {
    /** Waits while much is queued: tar is quicker than zstd, and the queue takes room in the work directory. */
    async add(name: string, { bytes, content }: Piece): Promise<void> {
      if (pending.has(name)) return;
      pending.add(name);
      writeContent(join(scratch, name), content);
      queue.push({ name, bytes });
      queued += bytes;
      start();
      while (queued >= MAX_QUEUE && running.size > 0) await Promise.race(running);
    },
    async finish(): Promise<void> {
      waiting++;
      start();
      while (running.size > 0) await Promise.race(running);
      waiting--;
      if (failure !== undefined) throw failure as Error;
    },
  };
}

function writeContent(path: string, content: readonly Buffer[]): void {
  const file = openSync(path, 'w');
  try {
    for (const run of content) for (let at = 0; at < run.length;) at += writeSync(file, run, at);
  } finally {
    closeSync(file);
  }
}

async function compress(context: Context, scratch: string, names: readonly string[], level: number): Promise<void> {
  const { cacheDir } = context.settings;
  await run(
    [
      'nice',
      '-n',
      '19',
      'zstd',
      '-q',
      '-f',
      '-T1',
      `-${String(level)}`,
      '--rm',
      ...names.map((name) => join(scratch, name)),
    ],
    {
      doing: 'compressing',
      signal: context.signal,
      onLine: context.log,
      hint: 'is the work directory or the cache full? `imgbuild doctor` tells',
    },
  );
  for (const name of names) {
    const path = framePath(cacheDir, name);
    mkdirSync(dirname(path), { recursive: true });
    // Through a copy beside it: the work directory is another filesystem.
    const partial = partialName(path);
    await copyFile(`${join(scratch, name)}.zst`, partial);
    renameSync(partial, path);
    context.sound.add(name);
    rmSync(`${join(scratch, name)}.zst`);
    giveToOwnerOf(cacheDir, join(cacheDir, 'frames'), dirname(path), path);
  }
}
