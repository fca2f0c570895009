import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../exec/run.js';
import type { LuksFacts } from '../facts.js';
import type { Bytes } from './bytes.js';

/** Passphrases that documentation prints. Each try costs what the header demands, seconds and up to a gigabyte. */
const PUBLISHED = ['install', 'password', 'changeme'];

/** Room for the header and all key slots of LUKS2 as cryptsetup lays it out. */
const HEADER_BYTES = 16 << 20;

/** Tries published passphrases on the header of an encrypted partition, a copy of which is enough. */
export async function readLuks(
  bytes: Bytes,
  at: number,
  where: string,
  scratch: string,
  signal: AbortSignal,
): Promise<LuksFacts> {
  const header = await bytes.read(at, HEADER_BYTES);
  const file = join(scratch, `luks-${String(at)}`);
  await writeFile(file, header);
  const version = header.readUInt16BE(6);
  for (const passphrase of PUBLISHED) {
    // 2: no key slot opens with it.
    const status = await run(['cryptsetup', 'open', '--test-passphrase', '--batch-mode', '--key-file=-', file], {
      doing: 'trying published passphrases',
      input: passphrase,
      accept: [0, 1, 2],
      signal,
    });
    if (status === 0) return { where, version, passphrase };
  }
  return { where, version, passphrase: '' };
}
