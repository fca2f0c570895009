import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { passphraseWeakness } from '../config/passphrase.js';
import { inPieces, overlaps, without } from '../disk/extents.js';
import type { Extents, FilesystemPlan, LuksPlan } from '../disk/types.js';
import { EXIT, UserError } from '../errors.js';
import type { Context } from './context.js';
import { cipherOptions, cryptsetup, reencrypt, SECTOR } from './cryptsetup.js';
import { dataExtents } from './formats/pieces.js';
import { unusedExtents } from './luks-unused.js';
import { mapLimit } from './parallel.js';
import { readPadded, writeAll } from './positioned.js';
import { run } from './run.js';
import { isTmpfs } from './workplace.js';
import { XTS_CIPHER, xtsEncryptor } from './xts.js';

type LuksContext = Pick<Context, 'work' | 'signal' | 'log' | 'emit'>;

/** Encrypted storage while it is made. */
export interface Container {
  readonly plan: LuksPlan;
  readonly volumeKey: Buffer;
  /** Extents of the disk that were encrypted on their way to it, by what they belong to: all that it refers to. */
  readonly placed: Map<FilesystemPlan, readonly Extents[]>;
}

/** Encrypts what goes to a place of the disk; the data are used up. */
export type Encrypt = (data: Buffer, at: number) => Buffer;

/** Storage with a random volume key, which is in memory only. */
export function newContainer(plan: LuksPlan): Container {
  return { plan, volumeKey: randomBytes(plan.keyBits / 8), placed: new Map() };
}

/** Encryption of whole sectors, where that is not left to cryptsetup. */
export function encryptionOf({ plan, volumeKey }: Container): Encrypt | undefined {
  if (plan.cipher !== XTS_CIPHER) return undefined;
  const encryptor = xtsEncryptor(volumeKey, plan.sectorSize);
  const { start } = payload(plan);
  return (data, at) => encryptor(data, (at - start) / SECTOR);
}

/**
 * Threads of argon2. cryptsetup takes no more than the machine that formats has, so any other number would make the image
 * depend on the builder; the price is time at the target's boot, which `pbkdfMemory` and `pbkdfIterations` set.
 */
const THREADS = 1;

/**
 * Makes what lies before the data of a LUKS2 container. It needs nothing of the data, and takes its time: what makes guessing
 * dear makes this so, too.
 */
export async function makeLuksHeader(
  context: LuksContext,
  { plan, volumeKey: key }: Container,
  passphrase: string,
): Promise<Buffer> {
  checkPassphrase(context, plan, passphrase);
  return await withKey(context, key, async (volumeKey, directory) => {
    const device = path.join(directory, 'device');
    writeFileSync(device, '');
    // cryptsetup wants some room for data, too.
    truncateSync(device, plan.headerBytes + 2 ** 20);
    await cryptsetup(context, `making the header of ${plan.name}`, passphrase, [
      'luksFormat',
      ...cipherOptions(plan, volumeKey),
      ...['--uuid', plan.uuid, '--hash', 'sha256', '--offset', String(plan.headerBytes / SECTOR)],
      ...keyDerivation(plan),
      device,
    ]);
    return readFileSync(device).subarray(0, plan.headerBytes);
  });
}

/**
 * Encrypts what lies in a LUKS2 container of a disk image and puts the container's header in front, all within the file,
 * without root, device-mapper or loop device.
 *
 * What a file system reads as zero must decrypt to zero: holes are encrypted like all else. What nothing reads before it was
 * written stays a hole, without which the image would have the size of its volumes and could not be compressed; it shows
 * where there is no data, as TRIM on the machine does.
 *
 * What was encrypted on its way to the disk stays as it is. Must come before the partition table, which cryptsetup would find in the file and take for a broken header.
 */
export async function encryptLuks(
  context: LuksContext,
  file: string,
  container: Container,
  header: Buffer,
): Promise<void> {
  const { plan, placed } = container;
  const all = payload(plan);
  const unused = await unusedExtents(context, file, plan.content, placed);
  const encrypt = encryptionOf(container);
  const disk = await open(file, 'r+');
  try {
    if (encrypt !== undefined) {
      const done = [...unused, ...[...placed.values()].flat()].sort((a, b) => a.start - b.start);
      await encryptExtents(context, disk, encrypt, without(all, done));
    } else {
      await withKey(context, container.volumeKey, async (volumeKey) => {
        await reencrypt(context, { file, volumeKey, plan, extents: all });
      });
    }
    await punch(context, file, overlaps(unused, await dataExtents(file, context.signal)));
    await writeAll(disk, header, plan.start);
  } finally {
    await disk.close();
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

/** Puts a volume key into a file for cryptsetup, in a directory that no disk backs and that is gone afterwards. */
async function withKey<T>(
  { work }: LuksContext,
  key: Buffer,
  use: (file: string, directory: string) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(path.join(memory(work), 'imgbuild-luks-'));
  try {
    const file = path.join(directory, 'volume-key');
    writeFileSync(file, key, { mode: 0o600 });
    return await use(file, directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function memory(work: string): string {
  const found = [work, '/dev/shm', '/run'].find((directory) => existsSync(directory) && isTmpfs(directory));
  if (found !== undefined) return found;
  throw new UserError('encryption needs a directory in memory for its key, and there is none', {
    exitCode: EXIT.environment,
    hint: 'mount a tmpfs at /dev/shm',
  });
}

/** Given in full, else cryptsetup measures the builder and decides by that what the target's boot costs. */
function keyDerivation({ pbkdf, pbkdfMemory, pbkdfIterations }: LuksPlan): string[] {
  const cost = ['--pbkdf', pbkdf, '--pbkdf-force-iterations', String(pbkdfIterations)];
  return pbkdf === 'pbkdf2'
    ? cost
    : [...cost, '--pbkdf-memory', String(pbkdfMemory), '--pbkdf-parallel', String(THREADS)];
}

/** What is encrypted: all, but of a volume group only up to its last volume, for its free space holds nothing. */
function payload({ start, bytes, headerBytes, sectorSize, content }: LuksPlan): Extents {
  const inside = { start: start + headerBytes, bytes: bytes - headerBytes };
  if (content.type !== 'lvm') return inside;
  const extents = Math.max(0, ...content.volumes.map((volume) => volume.firstExtent + volume.extents));
  const used = content.start - inside.start + content.peStart + extents * content.extentBytes;
  return { ...inside, bytes: Math.ceil(used / sectorSize) * sectorSize };
}

/** Bytes that are encrypted at a time: they and their tweaks stay in the processor's cache. */
const PIECE = 2 ** 18;

/** Encrypts extents in place, one piece while others are read and written. */
async function encryptExtents(
  { signal }: LuksContext,
  disk: FileHandle,
  encrypt: Encrypt,
  extents: readonly Extents[],
): Promise<void> {
  await mapLimit(inPieces(extents, PIECE), 3, async ({ start, bytes }) => {
    signal.throwIfAborted();
    await writeAll(disk, encrypt(await readPadded(disk, start, bytes), start), start);
  });
}

/** Makes holes of extents. */
async function punch(context: LuksContext, file: string, extents: readonly Extents[]): Promise<void> {
  for (const { start, bytes } of extents) {
    const argv = ['fallocate', '--punch-hole', '--offset', String(start), '--length', String(bytes), file];
    await run(argv, { doing: 'making holes in a disk', signal: context.signal });
  }
}
