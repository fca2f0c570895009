import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  openSync,
  closeSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { passphraseWeakness } from '../config/passphrase.js';
import type { Extents, LuksPlan } from '../disk/types.js';
import { EXIT, UserError } from '../errors.js';
import type { Context } from './context.js';
import { unusedExtents } from './luks-unused.js';
import { run } from './run.js';
import { isTmpfs } from './workplace.js';

type LuksContext = Pick<Context, 'work' | 'signal' | 'log' | 'emit'>;

/** What the tool calls a sector in its arguments, whatever the size of an encrypted one. */
const SECTOR = 512;

/**
 * Threads of argon2. cryptsetup takes no more than the machine that formats has, so any other number would make the image
 * depend on the builder; the price is time at the target's boot, which `pbkdfMemory` and `pbkdfIterations` set.
 */
const THREADS = 1;

/**
 * Encrypts what lies in a LUKS2 container of a disk image and puts the container's header in front, all within the file.
 *
 * cryptsetup does it without root, device-mapper or loop device: a header with the real passphrase for the disk, and, as
 * a tool that encrypts in place works on a detached header, a second one with a passphrase that nobody ever learns. Both
 * share a random volume key, which is in memory only. Holes are encrypted like all else: what a file system reads as
 * zero must decrypt to zero. What nothing reads before it was written becomes a hole again, without which the image would
 * have the size of its volumes and could not be compressed; it shows where there is no data, as TRIM on the machine does.
 *
 * Must come before the partition table, which cryptsetup would find in the file and take for a broken header.
 */
export async function formatLuks(
  context: LuksContext,
  file: string,
  plan: LuksPlan,
  passphrase: string,
): Promise<void> {
  checkPassphrase(context, plan, passphrase);
  const keys = mkdtempSync(path.join(memory(context.work), 'imgbuild-luks-'));
  const header = `${file}.luks-header`;
  try {
    const volumeKey = path.join(keys, 'volume-key');
    writeFileSync(volumeKey, randomBytes(plan.keyBits / 8), { mode: 0o600 });
    await makeHeader(context, { file, header, volumeKey, plan, passphrase });
    const unused = await unusedExtents(context, file, plan.content);
    await encrypt(context, { file, volumeKey, plan });
    await punch(context, file, unused);
    placeHeader(file, header, plan);
  } finally {
    rmSync(keys, { recursive: true, force: true });
    rmSync(header, { force: true });
  }
}

function checkPassphrase(context: LuksContext, plan: LuksPlan, passphrase: string): void {
  if (passphrase === '') throw new UserError(`the encrypted storage ${plan.name} has no passphrase`);
  if (/[\0\n\r]/.test(passphrase)) {
    throw new UserError(`the passphrase of ${plan.name} has a line break in it, which nobody can type at boot`);
  }
  const weakness = passphraseWeakness(passphrase);
  if (weakness !== undefined) {
    const text = `the passphrase of ${plan.name} protects little: ${weakness}; change it on the machine before it holds anything`;
    context.emit({ type: 'log', level: 'warn', text });
  }
}

/** A directory that no disk backs, for the volume key. */
function memory(work: string): string {
  const found = [work, '/dev/shm', '/run'].find((directory) => existsSync(directory) && isTmpfs(directory));
  if (found !== undefined) return found;
  throw new UserError('encryption needs a directory in memory for its key, and there is none', {
    exitCode: EXIT.environment,
    hint: 'mount a tmpfs at /dev/shm',
  });
}

async function makeHeader(
  context: LuksContext,
  job: { file: string; header: string; volumeKey: string; plan: LuksPlan; passphrase: string },
): Promise<void> {
  const { file, header, volumeKey, plan, passphrase } = job;
  rmSync(header, { force: true });
  await cryptsetup(context, `making the header of ${plan.name}`, passphrase, [
    'luksFormat',
    ...cipherOptions(plan, volumeKey),
    ...['--uuid', plan.uuid, '--hash', 'sha256', '--header', header],
    ...['--offset', String(plan.headerBytes / SECTOR)],
    ...keyDerivation(plan),
    file,
  ]);
}

/** Given in full, else cryptsetup measures the builder and decides by that what the target's boot costs. */
function keyDerivation({ pbkdf, pbkdfMemory, pbkdfIterations }: LuksPlan): string[] {
  const cost = ['--pbkdf', pbkdf, '--pbkdf-force-iterations', String(pbkdfIterations)];
  return pbkdf === 'pbkdf2'
    ? cost
    : [...cost, '--pbkdf-memory', String(pbkdfMemory), '--pbkdf-parallel', String(THREADS)];
}

function cipherOptions({ cipher, keyBits, sectorSize }: LuksPlan, volumeKey: string): string[] {
  return [
    ...['--type', 'luks2', '--cipher', cipher, '--key-size', String(keyBits), '--sector-size', String(sectorSize)],
    ...['--volume-key-file', volumeKey],
  ];
}

async function cryptsetup(context: LuksContext, doing: string, input: string, args: string[]): Promise<void> {
  // Locks lie in a directory of root's, and nobody else has these files.
  const argv = [
    'cryptsetup',
    ...args.slice(0, 1),
    '--batch-mode',
    '--disable-locks',
    '--key-file',
    '-',
    ...args.slice(1),
  ];
  await run(argv, { doing, input, signal: context.signal, onLine: context.log });
}

async function encrypt(
  context: LuksContext,
  { file, volumeKey, plan }: { file: string; volumeKey: string; plan: LuksPlan },
): Promise<void> {
  const extents = payload(plan);
  if (!isMisread(extents.start)) {
    await encryptInPlace(context, { file, volumeKey, plan, extents });
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
    await encryptInPlace(context, { file: aside, volumeKey, plan, extents: { start: 0, bytes } });
    await dd(`if=${aside}`, `of=${file}`, `seek=${String(start)}`, 'oflag=seek_bytes', 'conv=notrunc');
  } finally {
    rmSync(aside, { force: true });
  }
}

/** Makes holes of extents. */
async function punch(context: LuksContext, file: string, extents: readonly Extents[]): Promise<void> {
  for (const { start, bytes } of extents) {
    const argv = ['fallocate', '--punch-hole', '--offset', String(start), '--length', String(bytes), file];
    await run(argv, { doing: 'making holes in a disk', signal: context.signal });
  }
}

/**
 * Whether cryptsetup (2.6.1, 2.7.5) takes an offset for a negative one: it checks the file's size against the lower 32
 * bits with a sign, and says "Device is too small. Need at least 18446744071562067968 bytes".
 */
function isMisread(offset: number): boolean {
  return Math.floor(offset / 2 ** 31) % 2 === 1;
}

/** What is encrypted: all, but of a volume group only up to its last volume, for its free space holds nothing. */
function payload({ start, bytes, headerBytes, sectorSize, content }: LuksPlan): Extents {
  const inside = { start: start + headerBytes, bytes: bytes - headerBytes };
  if (content.type !== 'lvm') return inside;
  const extents = Math.max(0, ...content.volumes.map((volume) => volume.firstExtent + volume.extents));
  const used = content.start - inside.start + content.peStart + extents * content.extentBytes;
  return { ...inside, bytes: Math.ceil(used / sectorSize) * sectorSize };
}

async function encryptInPlace(
  context: LuksContext,
  job: { file: string; volumeKey: string; plan: LuksPlan; extents: Extents },
): Promise<void> {
  const { file, volumeKey, plan, extents } = job;
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

function placeHeader(file: string, header: string, plan: LuksPlan): void {
  const bytes = readFileSync(header);
  if (bytes.length !== plan.headerBytes) {
    throw new Error(
      `the header of ${plan.name} has ${String(bytes.length)} bytes, planned were ${String(plan.headerBytes)}`,
    );
  }
  const disk = openSync(file, 'r+');
  try {
    writeSync(disk, bytes, 0, bytes.length, plan.start);
  } finally {
    closeSync(disk);
  }
}
