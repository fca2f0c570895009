import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { EXIT, UserError } from '../../errors.js';
import { TOOL_ENV } from '../../exec/run.js';
import type { Compression } from '../facts.js';
import { withBytes } from './bytes.js';

const MAGIC: readonly (readonly [compression: Compression, magic: string])[] = [
  ['zstd', '28b52ffd'],
  ['gzip', '1f8b'],
  ['xz', 'fd377a585a00'],
  ['bzip2', '425a68'],
];

const UNPACK: Readonly<Partial<Record<Compression, readonly string[]>>> = {
  zstd: ['zstd', '-dc'],
  gzip: ['gzip', '-dc'],
  xz: ['xz', '-dc'],
  bzip2: ['bzip2', '-dc'],
};

/** How a file is packed, by its first bytes: names lie. */
export async function compressionOf(file: string): Promise<Compression> {
  const head = await withBytes(file, (bytes) => bytes.read(0, 512));
  return compressionOfBytes(head);
}

export function compressionOfBytes(head: Buffer): Compression {
  const hex = head.toString('hex', 0, 8);
  const packed = MAGIC.find(([, magic]) => hex.startsWith(magic))?.[0];
  if (packed !== undefined) return packed;
  return head.toString('latin1', 257, 262) === 'ustar' || head.every((byte) => byte === 0) ? 'none' : 'unknown';
}

/** The content of a file as a stream, unpacked by the tool for its packing: Node 20 has no zstd, and none has xz. */
export async function* unpacked(file: string, compression: Compression, signal: AbortSignal): AsyncGenerator<Buffer> {
  const argv = UNPACK[compression];
  if (argv === undefined) {
    yield* createReadStream(file, { highWaterMark: 1 << 20, signal }) as AsyncIterable<Buffer>;
    return;
  }
  const [tool = '', ...args] = argv;
  const child = spawn(tool, [...args, '--', file], {
    env: TOOL_ENV,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGKILL',
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve(code ?? 1);
    });
  });
  ended.catch(() => undefined);
  yield* child.stdout as AsyncIterable<Buffer>;
  if ((await ended) !== 0) {
    throw new UserError(`${file} cannot be unpacked: ${said.trim().split('\n').at(-1) ?? ''}`, {
      exitCode: EXIT.findings,
    });
  }
}
