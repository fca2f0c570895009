import { sha256 } from '../digest.js';

/** Blocks that are written, with the digest of their content. */
export interface BmapRange {
  /** First and last block. */
  readonly first: number;
  readonly last: number;
  readonly sha256: string;
}

export const BMAP_BLOCK = 4096;

/**
 * A block map, version 2.0, as bmaptool reads it: which blocks of a disk image must be written, and their digests.
 *
 * @param bytes size of the image, a multiple of the block.
 */
export function bmapText(bytes: number, ranges: readonly BmapRange[]): string {
  const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const lines = ranges.map(({ first, last, sha256: hash }) => {
    const blocks = first === last ? String(first) : `${String(first)}-${String(last)}`;
    return `        <Range chksum="${hash}">${blocks}</Range>`;
  });
  // The digest of the file is taken with zeros in its own place.
  const text = `<?xml version="1.0" encoding="UTF-8"?>
<bmap version="2.0">
    <ImageSize>${String(bytes)}</ImageSize>
    <BlockSize>${String(BMAP_BLOCK)}</BlockSize>
    <BlocksCount>${String(Math.ceil(bytes / BMAP_BLOCK))}</BlocksCount>
    <MappedBlocksCount>${String(mapped)}</MappedBlocksCount>
    <ChecksumType>sha256</ChecksumType>
    <BmapFileChecksum>${'0'.repeat(64)}</BmapFileChecksum>
    <BlockMap>
${lines.join('\n')}
    </BlockMap>
</bmap>
`;
  return text.replace('0'.repeat(64), sha256(text));
}
