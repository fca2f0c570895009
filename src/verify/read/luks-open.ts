import { createDecipheriv } from 'node:crypto';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../exec/run.js';
import { readText, readU64, type Bytes } from './bytes.js';

/** Room for the header and all key slots of LUKS2 as cryptsetup lays it out. */
const HEADER_BYTES = 16 << 20;

const SECTOR = 512;
const PIECE = 4 << 20;

/** How and where the data of a LUKS volume are encrypted. */
interface Segment {
  /** Behind the header, in bytes. */
  readonly offset: number;
  readonly cipher: string;
  readonly sector: number;
}

/** What came of opening a volume: a file with what is in it, or why there is none. */
export type OpenedLuks = { readonly file: string; readonly bytes: number } | { readonly closed: string };

/**
 * Opens a LUKS volume without a device: cryptsetup tells the volume key, and the sectors are decrypted into a sparse file.
 * Sectors of zeros were never written, and stay holes.
 */
export async function openLuks(
  volume: { readonly bytes: Bytes; readonly at: number; readonly length: number },
  passphrases: readonly string[],
  scratch: string,
  signal: AbortSignal,
): Promise<OpenedLuks> {
  if (passphrases.length === 0) return { closed: 'no passphrase was given' };
  const { bytes, at, length } = volume;
  const work = await mkdtemp(join(scratch, 'luks-'));
  const header = join(work, 'header');
  const head = await bytes.read(at, Math.min(HEADER_BYTES, length));
  await writeFile(header, head, { mode: 0o600 });
  const key = await volumeKey(header, passphrases, join(work, 'key'), signal);
  await rm(header);
  if (key === undefined) return { closed: 'no passphrase that was given opens it' };
  const segment = segmentOf(head);
  const bits = key.length * 4;
  if (segment?.cipher !== 'aes-xts-plain64' || (bits !== 128 && bits !== 256)) {
    return { closed: `its cipher ${segment?.cipher ?? ''} is not read here` };
  }
  const file = join(work, 'open');
  await decrypt(volume, segment, { key, algorithm: `aes-${String(bits)}-xts` }, file, signal);
  return { file, bytes: length - segment.offset };
}

/** The key of the volume, from the first passphrase that opens a key slot. Its file lies in the scratch, which is private. */
async function volumeKey(
  header: string,
  passphrases: readonly string[],
  file: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  for (const input of passphrases) {
    const argv = ['cryptsetup', 'luksDump', '--batch-mode', '--disable-locks', '--dump-volume-key'];
    const status = await run([...argv, '--volume-key-file', file, '--key-file=-', header], {
      doing: 'opening an encrypted volume',
      input,
      // 2: no key slot opens with it.
      accept: [0, 1, 2],
      signal,
    });
    if (status !== 0) continue;
    const key = await readFile(file);
    await rm(file);
    return key;
  }
  return undefined;
}

function segmentOf(header: Buffer): Segment | undefined {
  if (header.readUInt16BE(6) === 1) {
    const cipher = `${readText(header, 8, 32)}-${readText(header, 40, 32)}`;
    return { offset: header.readUInt32BE(104) * SECTOR, cipher, sector: SECTOR };
  }
  const size = Number(header.readBigUInt64BE(8));
  const text = readText(header, 4096, Math.max(0, Math.min(size, header.length) - 4096));
  const { segments } = JSON.parse(text) as {
    segments: Record<
      string,
      { type: string; offset: string; iv_tweak: string; encryption: string; sector_size: number }
    >;
  };
  const [segment, ...others] = Object.values(segments);
  // Several segments are a volume in the middle of being encrypted anew.
  if (segment?.type !== 'crypt' || others.length > 0 || segment.iv_tweak !== '0') return undefined;
  return { offset: Number(segment.offset), cipher: segment.encryption, sector: segment.sector_size };
}

async function decrypt(
  { bytes, at, length }: { readonly bytes: Bytes; readonly at: number; readonly length: number },
  { offset, sector }: Segment,
  { key, algorithm }: { readonly key: Buffer; readonly algorithm: string },
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const total = length - offset;
  const out = await open(file, 'wx', 0o600);
  try {
    await out.truncate(total);
    const iv = Buffer.alloc(16);
    for (let done = 0; done < total; done += PIECE) {
      signal.throwIfAborted();
      const piece = await bytes.read(at + offset + done, Math.min(PIECE, total - done));
      if (isZero(piece)) continue;
      for (let n = 0; n + sector <= piece.length; n += sector) {
        const block = piece.subarray(n, n + sector);
        if (isZero(block)) continue;
        // plain64 counts sectors of 512 bytes, whatever the size of an encrypted one (dm-crypt without iv_large_sectors).
        iv.writeBigUInt64LE(BigInt((done + n) / SECTOR));
        createDecipheriv(algorithm, key, iv).update(block).copy(block);
      }
      if (!isZero(piece)) await out.write(piece, 0, piece.length, done);
    }
  } finally {
    await out.close();
  }
}

function isZero(block: Buffer): boolean {
  return readU64(block, 0) === 0 && block.equals(ZEROS.subarray(0, block.length));
}

const ZEROS = Buffer.alloc(PIECE);
