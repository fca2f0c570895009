import { ruleOn, when, type Rule } from '../types.js';

/** Larger blocks than a page are read by no kernel but the newest. */
const PAGE = 4096;

/** Packings of squashfs that Debian's kernels read. */
const SQUASHFS = ['gzip', 'lzo', 'xz', 'lz4', 'zstd'];

/** Root filesystems that are only read, in files of their own. */
export const FILESYSTEM_RULES: readonly Rule[] = [
  ruleOn('filesystem', [], {
    id: 'FS-SUPERBLOCK',
    severity: 'error',
    title: 'A squashfs or erofs is whole, as its superblock tells',
    source: 'the kernel refuses to mount it otherwise (fs/squashfs/super.c, fs/erofs/super.c)',
    advice: 'build or copy the file again',
    check: ({ defects }) => defects.map((message) => ({ message })),
  }),
  ruleOn('filesystem', [], {
    id: 'FS-PACKING',
    severity: 'error',
    title: 'A squashfs or erofs is packed in a way that kernels since Debian 11 read',
    source: 'Debian builds its kernels with these; lzma of squashfs was never in Linux, zstd of erofs is since 6.10',
    advice: 'make it anew with zstd (squashfs) or lz4 (erofs), as imgbuild does',
    check: ({ kind, compression }) =>
      when(
        kind === 'squashfs'
          ? !SQUASHFS.includes(compression)
          : !['none', 'lz4', 'lzma', 'lz4, lzma'].includes(compression),
        `it is packed with ${compression}`,
      ),
  }),
  ruleOn('filesystem', [], {
    id: 'FS-BLOCKS',
    severity: 'error',
    title: 'The blocks of an erofs are not larger than a page',
    source: 'kernels mount no others (Documentation/filesystems/erofs.rst)',
    advice: 'mkfs.erofs -b4096',
    check: ({ kind, blockBytes }) =>
      when(kind === 'erofs' && blockBytes > PAGE, `they have ${String(blockBytes)} bytes`),
  }),
];
