import { spawn } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { CommandError, EXIT, UserError } from '../errors.js';
import { readBmap, type BlockMap } from '../output/bmap-read.js';

/** A disk image that can be written to a disk. */
export interface WritableImage {
  readonly file: string;
  readonly packed: boolean;
  readonly bytes: number;
  readonly bmap: BlockMap | undefined;
}

/** Images are read, written and compared in parts of this size. */
export const CHUNK = 2 ** 20;

/** A part of an image; `data` is undefined where the block map says that nothing is there. */
export interface Chunk {
  readonly start: number;
  readonly bytes: number;
  readonly data: Buffer | undefined;
}

/**
 * Looks at an image and its block map.
 *
 * @param bmapFile as the user says; undefined: the one that lies beside the image, if one does; '' for none.
 * @throws UserError when the map is damaged or belongs to another image.
 */
export async function openWritable(
  file: string,
  fileBytes: number,
  packed: boolean,
  bmapFile: string | undefined,
  signal: AbortSignal,
): Promise<WritableImage> {
  const map = bmapFile ?? bmapBeside(file);
  const bmap = map === '' ? undefined : readBmap(readMap(map), map);
  const bytes = packed ? (bmap?.imageBytes ?? (await unpackedBytes(file, signal))) : fileBytes;
  if (bmap !== undefined && bmap.imageBytes !== bytes) {
    throw new UserError(
      `${map} is for an image of ${String(bmap.imageBytes)} bytes, and ${file} has ${String(bytes)}`,
      {
        hint: 'they belong to different builds, or the image was not copied whole',
      },
    );
  }
  if (bytes === 0) throw new UserError(`${file} holds nothing`);
  return { file, packed, bytes, bmap };
}

function readMap(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`the block map ${file} cannot be read`, { cause: error });
  }
}

/** Names by which bmaptool, and we, call the map of an image: `web.raw.zst` has `web.raw.bmap`. */
function bmapBeside(file: string): string {
  const unpacked = file.replace(/\.zst$/, '');
  const candidates = [`${file}.bmap`, `${unpacked}.bmap`, unpacked.replace(/\.[^./]+$/, '.bmap')];
  return candidates.find((name) => name !== file && existsSync(name)) ?? '';
}

/**
 * Size of what is packed, by unpacking it once. Its head may tell, but not for several frames in a row; and an image that
 * was not copied whole shows before anything is overwritten.
 */
async function unpackedBytes(file: string, signal: AbortSignal): Promise<number> {
  let bytes = 0;
  for await (const piece of unpack(file, signal)) bytes += piece.length;
  return bytes;
}

async function* unpack(file: string, signal: AbortSignal): AsyncGenerator<Buffer, void> {
  const argv = ['zstd', '--decompress', '--stdout', '--quiet', '--', file] as const;
  const [command, ...args] = argv;
  const tool = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  tool.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const closed = once(tool, 'close') as Promise<[number | null]>;
  closed.catch(() => undefined);
  const stop = (): void => void tool.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const piece of tool.stdout) yield piece as Buffer;
    const [code] = await closed.catch((error: unknown) => {
      throw new UserError('zstd, which unpacks the image, is not installed', {
        exitCode: EXIT.environment,
        hint: 'install the package zstd',
        cause: error,
      });
    });
    signal.throwIfAborted();
    if (code !== 0) {
      const exit = `exit status ${String(code)}`;
      throw new CommandError({ doing: 'unpacking the image', argv, exit, tail: said, hint: 'copy the image again' });
    }
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}

async function* readPlain({ file, bytes, bmap }: WritableImage): AsyncGenerator<Buffer, void> {
  const handle = await open(file);
  const wanted = bmap?.ranges;
  let range = 0;
  try {
    for (let start = 0; start < bytes; start += CHUNK) {
      const length = Math.min(CHUNK, bytes - start);
      while (wanted !== undefined && (wanted[range]?.end ?? Infinity) <= start) range += 1;
      const buffer = Buffer.alloc(length);
      // What is not mapped is passed over: the content there means nothing.
      const needed = wanted === undefined || (wanted[range]?.start ?? Infinity) < start + length;
      for (let done = 0; needed && done < length;) {
        const { bytesRead } = await handle.read(buffer, done, length - done, start + done);
        if (bytesRead === 0) throw tooShort(file, start + done, bytes);
        done += bytesRead;
      }
      yield buffer;
    }
  } finally {
    await handle.close();
  }
}

function tooShort(file: string, found: number, expected: number): UserError {
  return new UserError(`${file} ends after ${String(found)} of ${String(expected)} bytes`, {
    hint: 'it was not copied whole: copy it again',
  });
}

/**
 * The image from its beginning to its end in parts of CHUNK bytes, the last one perhaps shorter. What is zero or not in
 * the block map comes without data. With a map, every range is compared with its digest.
 *
 * @throws UserError when the image is not whole, or is not the one of the block map.
 */
export async function* chunksOf(image: WritableImage, signal: AbortSignal): AsyncGenerator<Chunk, void> {
  const check = rangeChecker(image);
  const zeros = Buffer.alloc(CHUNK);
  let start = 0;
  let pending: Buffer[] = [];
  let length = 0;
  const emit = (data: Buffer): Chunk => {
    const kept = check(start, data);
    const chunk = { start, bytes: data.length, data: kept.equals(zeros.subarray(0, kept.length)) ? undefined : kept };
    start += data.length;
    return chunk;
  };
  const stream = image.packed ? unpack(image.file, signal) : readPlain(image);
  for await (const piece of stream) {
    signal.throwIfAborted();
    let rest = piece;
    if (start + length + piece.length > image.bytes) throw tooLong(image);
    while (length + rest.length >= CHUNK) {
      const part = rest.subarray(0, CHUNK - length);
      const whole = pending.length === 0 ? part : Buffer.concat([...pending, part]);
      rest = rest.subarray(part.length);
      pending = [];
      length = 0;
      yield emit(whole);
    }
    if (rest.length > 0) {
      pending.push(rest);
      length += rest.length;
    }
  }
  if (start + length < image.bytes) throw tooShort(image.file, start + length, image.bytes);
  if (length > 0) yield emit(Buffer.concat(pending));
}

function tooLong({ file, bytes }: WritableImage): UserError {
  return new UserError(`${file} holds more than the ${String(bytes)} bytes that it is said to have`, {
    hint: 'the block map belongs to another image; copy both again',
  });
}

/** Takes the image in order; gives what of each part is mapped, everything else zeroed, and compares digests. */
function rangeChecker({ file, bmap }: WritableImage): (start: number, data: Buffer) => Buffer {
  if (bmap === undefined) return (_, data) => data;
  let index = 0;
  let hash: Hash | undefined;
  return (start, data) => {
    const end = start + data.length;
    let clean = start;
    const kept = Buffer.from(data);
    for (let range = bmap.ranges[index]; range !== undefined && range.start < end; range = bmap.ranges[index]) {
      const from = Math.max(range.start, start);
      kept.fill(0, clean - start, from - start);
      clean = Math.min(range.end, end);
      hash ??= createHash(bmap.hash);
      hash.update(data.subarray(from - start, clean - start));
      if (range.end > end) break;
      if (hash.digest('hex') !== range.digest) {
        throw new UserError(
          `${file} is not what its block map says, between ${String(range.start)} and ${String(range.end)}`,
          { hint: 'the image or the map was damaged on its way: copy both again' },
        );
      }
      hash = undefined;
      index += 1;
    }
    kept.fill(0, clean - start);
    return kept;
  };
}
