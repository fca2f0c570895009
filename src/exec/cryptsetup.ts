import { randomBytes } from 'node:crypto';
import { rmSync, truncateSync } from 'node:fs';
import type { Extents, LuksPlan } from '../disk/types.js';
import type { Context } from './context.js';
import { run } from './run.js';

type CryptsetupContext = Pick<Context, 'signal' | 'log'>;

/** What the tool calls a sector in its arguments, whatever the size of an encrypted one. */
export const SECTOR = 512;

/** Runs cryptsetup with a passphrase. */
export async function cryptsetup(
  context: CryptsetupContext,
  doing: string,
  passphrase: string,
  args: readonly string[],
): Promise<void> {
  // Locks lie in a directory of root's, and nobody else has these files.
  const argv = ['cryptsetup', ...args.slice(0, 1), '--batch-mode', '--disable-locks', '--key-file', '-'];
  const options = { doing, input: passphrase, signal: context.signal, onLine: context.log };
  await run([...argv, ...args.slice(1)], options);
}

/** How the data are encrypted. */
export function cipherOptions({ cipher, keyBits, sectorSize }: LuksPlan, volumeKey: string): string[] {
  return [
    ...['--type', 'luks2', '--cipher', cipher, '--key-size', String(keyBits), '--sector-size', String(sectorSize)],
    ...['--volume-key-file', volumeKey],
  ];
}

interface Job {
  readonly file: string;
  /** A file with the key. */
  readonly volumeKey: string;
  readonly plan: LuksPlan;
  readonly extents: Extents;
}

/**
 * Encrypts a part of a disk with any cipher that cryptsetup has, holes and all.
 *
 * A tool that encrypts in place works on a detached header: it gets one with a passphrase that nobody ever learns.
 */
export async function reencrypt(context: CryptsetupContext, job: Job): Promise<void> {
  const { file, plan, extents } = job;
  if (!isMisread(extents.start)) {
    await inPlace(context, job);
    return;
  }
  const aside = `${file}.luks-payload`;
  const { start, bytes } = extents;
  const dd = async (...operands: string[]): Promise<number> =>
    await run(['dd', 'bs=4M', 'status=none', ...operands], { doing: `copying ${plan.name}`, signal: context.signal });
  try {
    const range = [`skip=${String(start)}`, `count=${String(bytes)}`, 'iflag=skip_bytes,count_bytes'];
    await dd(`if=${file}`, `of=${aside}`, ...range, 'conv=sparse');
    truncateSync(aside, bytes);
    await inPlace(context, { ...job, file: aside, extents: { start: 0, bytes } });
    await dd(`if=${aside}`, `of=${file}`, `seek=${String(start)}`, 'oflag=seek_bytes', 'conv=notrunc');
  } finally {
    rmSync(aside, { force: true });
  }
}

/**
 * Whether cryptsetup (2.6.1, 2.7.5) takes an offset for a negative one: it checks the file's size against the lower 32
 * bits with a sign, and says "Device is too small. Need at least 18446744071562067968 bytes".
 */
function isMisread(offset: number): boolean {
  return Math.floor(offset / 2 ** 31) % 2 === 1;
}

async function inPlace(context: CryptsetupContext, { file, volumeKey, plan, extents }: Job): Promise<void> {
  const header = `${file}.luks-throwaway`;
  rmSync(header, { force: true });
  try {
    await cryptsetup(context, `encrypting ${plan.name}`, randomBytes(32).toString('hex'), [
      'reencrypt',
      '--encrypt',
      ...cipherOptions(plan, volumeKey),
      ...['--header', header, '--offset', String(extents.start / SECTOR)],
      ...['--device-size', `${String(extents.bytes / SECTOR)}s`],
      // Interrupted, the image is made anew; checksums would take 1 GiB of memory.
      ...['--resilience', 'none'],
      // For a random passphrase of 256 bits that is forgotten at once.
      ...['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'],
      file,
    ]);
  } finally {
    rmSync(header, { force: true });
  }
}
