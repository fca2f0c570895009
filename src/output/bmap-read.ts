import { createHash, getHashes } from 'node:crypto';
import { DOMParser, ParseError } from '@xmldom/xmldom';
import { UserError } from '../errors.js';

/** A part of an image that has to be written, in bytes, with the digest of what it holds. */
export interface MappedRange {
  readonly start: number;
  /** Behind the last byte; a last block may reach over the end of the image and is cut there. */
  readonly end: number;
  /** Lower-case hexadecimal. */
  readonly digest: string;
}

/** A block map: what of an image has to be written, in the order of the image. */
export interface BlockMap {
  readonly imageBytes: number;
  /** Name of the digest as Node knows it, such as `sha256`. */
  readonly hash: string;
  readonly ranges: readonly MappedRange[];
}

/**
 * Reads a block map, version 2 (Intel's bmap-tools, whose bmaptool writes and reads it).
 *
 * @param name of the file, for messages.
 * @throws UserError when it is none, is damaged, or contradicts itself.
 */
export function readBmap(text: string, name: string): BlockMap {
  const fields = fieldsOf(text, name);
  const field = (tag: string): string => fields(tag)[0]?.text ?? '';
  const number = (tag: string): number => {
    const value = field(tag);
    if (!/^\d+$/.test(value)) throw damaged(name, `${tag} is "${value}"`);
    return Number(value);
  };
  const hash = field('ChecksumType').toLowerCase();
  if (!getHashes().includes(hash)) {
    throw new UserError(`${name}: no checksums that are known (${hash === '' ? 'none at all' : hash})`, {
      hint: 'make it anew, with bmaptool create or imgbuild convert --to raw.zst',
    });
  }
  checkItself(text, name, field('BmapFileChecksum'), hash);
  const imageBytes = number('ImageSize');
  const block = number('BlockSize');
  if (block === 0) throw damaged(name, 'BlockSize is 0');
  const ranges = fields('Range').map(({ text: blocks, digest }) => {
    const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(blocks) ?? [];
    const range = { start: Number(first) * block, end: (Number(last) + 1) * block, digest: digest.toLowerCase() };
    if (first === '' || range.end <= range.start || range.start >= imageBytes) {
      throw damaged(name, `"${blocks}" is no range of blocks`);
    }
    if (range.digest === '') throw damaged(name, `the range ${blocks} has no checksum`);
    return { ...range, end: Math.min(range.end, imageBytes) };
  });
  for (const [index, { start }] of ranges.entries()) {
    if (start < (ranges[index - 1]?.end ?? 0)) throw damaged(name, 'its ranges overlap or are out of order');
  }
  return { imageBytes, hash, ranges };
}

interface Field {
  readonly text: string;
  readonly digest: string;
}

/** The elements of the document by their names. */
function fieldsOf(text: string, name: string): (tag: string) => readonly Field[] {
  try {
    const document = new DOMParser({ onError: refuse }).parseFromString(text, 'text/xml');
    const root = document.documentElement;
    if (root?.tagName !== 'bmap') throw damaged(name, 'it is no block map');
    const version = root.getAttribute('version') ?? '';
    if (!version.startsWith('2.')) {
      throw new UserError(`${name}: version ${version} of block maps is not known, only 2`);
    }
    return (tag) =>
      [...root.getElementsByTagName(tag)].map((element) => ({
        text: (element.textContent ?? '').trim(),
        digest: element.getAttribute('chksum') ?? '',
      }));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw damaged(name, error.message.split('\n')[0] ?? '');
  }
}

function refuse(level: 'warning' | 'error' | 'fatalError', message: string): void {
  if (level !== 'warning') throw new ParseError(message);
}

/** The digest of the whole file is taken with zeros in its own place. */
function checkItself(text: string, name: string, stated: string, hash: string): void {
  const digest = createHash(hash)
    .update(text.replace(stated, '0'.repeat(stated.length)))
    .digest('hex');
  if (stated === '' || digest !== stated.toLowerCase()) throw damaged(name, 'its own checksum is wrong');
}

function damaged(name: string, what: string): UserError {
  return new UserError(`the block map ${name} is damaged: ${what}`, { hint: 'copy it again, beside its image' });
}
