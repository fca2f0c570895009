import type { FilesystemFacts } from '../facts.js';
import { readText, type Bytes } from './bytes.js';
import { crc32c } from './checksum.js';

const SQUASHFS_COMPRESSIONS = ['gzip', 'lzma', 'lzo', 'xz', 'lz4', 'zstd'];

/** The superblock of a squashfs (Linux, fs/squashfs/squashfs_fs.h); undefined when it is none. */
export async function readSquashfsHeader(bytes: Bytes): Promise<FilesystemFacts | undefined> {
  const head = await bytes.read(0, 96);
  if (readText(head, 0, 4) !== 'hsqs') return undefined;
  const used = Number(head.readBigUInt64LE(40));
  const version = `${String(head.readUInt16LE(28))}.${String(head.readUInt16LE(30))}`;
  const defects = used > bytes.size ? [`it says ${String(used)} bytes, and the file has ${String(bytes.size)}`] : [];
  if (version !== '4.0') defects.push(`it is of version ${version}, which kernels since 2.6.29 do not read`);
  return {
    kind: 'squashfs',
    compression: SQUASHFS_COMPRESSIONS[head.readUInt16LE(20) - 1] ?? 'unknown',
    blockBytes: head.readUInt32LE(12),
    epoch: head.readUInt32LE(8),
    defects,
  };
}

const EROFS_AT = 1024;

/** Bits of the compression configurations, by which algorithms the image may use. */
const EROFS_ALGORITHMS = ['lz4', 'lzma', 'deflate', 'zstd'];

/** The superblock of an erofs (Linux, fs/erofs/erofs_fs.h); undefined when it is none. */
export async function readErofsHeader(bytes: Bytes): Promise<FilesystemFacts | undefined> {
  const head = await bytes.read(EROFS_AT, 4096 - EROFS_AT);
  if (head.readUInt32LE(0) !== 0xe0f5e1e2) return undefined;
  const defects: string[] = [];
  const blockBytes = 2 ** head.readUInt8(12);
  const blocks = head.readUInt32LE(36);
  if (blocks * blockBytes > bytes.size) {
    defects.push(`it says ${String(blocks * blockBytes)} bytes, and the file has ${String(bytes.size)}`);
  }
  // Bit 0 of the compatible features: there is a checksum, over the rest of the first block, its own field as zeros.
  if ((head.readUInt32LE(8) & 1) !== 0 && blockBytes === 4096) {
    const copy = Buffer.from(head);
    copy.writeUInt32LE(0, 4);
    if (~crc32c(copy) >>> 0 !== head.readUInt32LE(4)) defects.push('its checksum is wrong');
  }
  const algorithms = head.readUInt16LE(84);
  const incompatible = head.readUInt32LE(80);
  const named = EROFS_ALGORITHMS.filter((_, bit) => (algorithms & (1 << bit)) !== 0);
  return {
    kind: 'erofs',
    compression: (incompatible & 1) === 0 && algorithms === 0 ? 'none' : named.join(', ') || 'lz4',
    blockBytes,
    epoch: Number(head.readBigUInt64LE(24)),
    defects,
  };
}
