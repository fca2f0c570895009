import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { passphraseWeakness } from '../config/passphrase.js';
import { inPieces, overlaps, without } from '../disk/extents.js';
import type { Extents, LuksPlan } from '../disk/types.js';
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

/** What lies before encrypted data, and what they are encrypted with. */
export interface LuksHeader {
  readonly bytes: Buffer;
  readonly volumeKey: Buffer;
}

/**
 * Threads of argon2. cryptsetup takes no more than the machine that formats has, so any other number would make the image
 * depend on the builder; the price is time at the target's boot, which `pbkdfMemory` and `pbkdfIterations` set.
 */
const THREADS = 1;

/**
 * Makes the header of a LUKS2 container, with a random volume key, which is in memory only. It needs nothing of the data,
 * and takes its time: what makes guessing dear makes this so, too.
 */
export async function makeLuksHeader(context: LuksContext, plan: LuksPlan, passphrase: string): Promise<LuksHeader> {
  checkPassphrase(context, plan, passphrase);
  return await withKey(context, randomBytes(plan.keyBits / 8), async (volumeKey, directory) => {
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
    return { bytes: readFileSync(device).subarray(0, plan.headerBytes), volumeKey: readFileSync(volumeKey) };
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
 * Must come before the partition table, which cryptsetup would find in the file and take for a broken header.
 */
export async function encryptLuks(
  context: LuksContext,
  file: string,
  plan: LuksPlan,
  header: LuksHeader,
): Promise<void> {
  const all = payload(plan);
  const unused = await unusedExtents(context, file, plan.content);
  const disk = await open(file, 'r+');
  try {
    if (plan.cipher === XTS_CIPHER) {
      await encrypt(context, disk, { plan, start: all.start, key: header.volumeKey }, without(all, unused));
    } else {
      await withKey(context, header.volumeKey, async (volumeKey) => {
        await reencrypt(context, { file, volumeKey, plan, extents: all });
      });
    }
    await punch(context, file, overlaps(unused, await dataExtents(file, context.signal)));
    await writeAll(disk, header.bytes, plan.start);
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
async function encrypt(
  { signal }: LuksContext,
  disk: FileHandle,
  { plan, start, key }: { readonly plan: LuksPlan; readonly start: number; readonly key: Buffer },
  extents: readonly Extents[],
): Promise<void> {
  const encryptor = xtsEncryptor(key, plan.sectorSize);
  await mapLimit(inPieces(extents, PIECE), 3, async (piece) => {
    signal.throwIfAborted();
    const data = await readPadded(disk, piece.start, piece.bytes);
    await writeAll(disk, encryptor(data, (piece.start - start) / SECTOR), piece.start);
  });
}

/** Makes holes of extents. */
async function punch(context: LuksContext, file: string, extents: readonly Extents[]): Promise<void> {
  for (const { start, bytes } of extents) {
    const argv = ['fallocate', '--punch-hole', '--offset', String(start), '--length', String(bytes), file];
    await run(argv, { doing: 'making holes in a disk', signal: context.signal });
  }
}
