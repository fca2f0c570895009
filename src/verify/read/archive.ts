import { createHash } from 'node:crypto';
import type { ArchiveFacts, Compression, Entry, TreeFacts } from '../facts.js';
import { compressionOf, unpacked } from './packed.js';
import { reasonOf } from './reason.js';
import { readTar, type Sink } from './tar.js';
import { wanted } from './content.js';
import type { Contents, Look } from './look.js';

/** The longest text outside of the tree that is read. */
const OUTSIDE_BYTES = 1 << 20;

/**
 * A root filesystem in a tar archive: the archive itself, and the files in it.
 *
 * @param below the directory in the archive that is the root; `outside` has the texts beside it.
 */
export async function readArchive(
  file: string,
  { signal, digests }: Pick<Look, 'signal' | 'digests'>,
  below = '',
): Promise<{
  archive: ArchiveFacts;
  tree: Pick<TreeFacts, 'entries' | 'texts'>;
  contents: Contents;
  outside: ReadonlyMap<string, string>;
}> {
  const inside = (name: string): string | undefined => insideOf(pathOf(name), below);
  const outside = new Map<string, string>();
  const compression = await compressionOf(file);
  const entries = new Map<string, Entry>();
  const texts = new Map<string, string>();
  const stamps = new Map<string, string>();
  const broken: string[] = [];
  const stream = untilBroken(unpacked(file, compression, signal), signal, broken);
  const listing = await readTar(stream, (member) => {
    const path = inside(member.name);
    if (path === undefined) return member.bytes > OUTSIDE_BYTES ? undefined : textInto(outside, pathOf(member.name));
    let left = wanted(path, member);
    const hash = digests && member.kind === 'file' ? createHash('sha256') : undefined;
    if (left === 0 && hash === undefined) return undefined;
    const read = left > 0;
    const parts: Buffer[] = [];
    return {
      data: (part) => {
        hash?.update(part);
        // Copied: the stream's buffers are large, and a few bytes would keep them all.
        if (left > 0) parts.push(Buffer.from(part.subarray(0, left)));
        left -= part.length;
      },
      end: () => {
        if (read) texts.set(path, Buffer.concat(parts).toString('latin1'));
        if (hash !== undefined) stamps.set(path, hash.digest('hex'));
      },
    };
  });
  for (const { name, kind, mode, uid, gid, bytes, target, xattrs } of listing.members) {
    const path = inside(name);
    if (path === undefined || path === '') continue;
    const link = target === undefined ? {} : { target: kind === 'hardlink' ? (inside(target) ?? '') : target };
    const digest = stamps.get(path) ?? (digests && kind === 'file' ? EMPTY : undefined);
    entries.set(path, {
      ...{ kind, mode, uid, gid, bytes, ...link },
      ...(xattrs === undefined ? {} : { xattrs }),
      ...(digest === undefined ? {} : { digest }),
    });
  }
  const defects = [...broken, ...listing.defects];
  const contents: Contents = (paths, longest) =>
    contentsOf({ file, compression, inside }, new Set(paths), longest, signal);
  return { archive: { ...listing, defects, compression }, tree: { entries, texts }, contents, outside };
}

/** A path as the tree below a directory has it; undefined when it lies outside. */
function insideOf(path: string, below: string): string | undefined {
  if (below === '') return path;
  if (path === below) return '';
  return path.startsWith(`${below}/`) ? path.slice(below.length + 1) : undefined;
}

function textInto(texts: Map<string, string>, path: string): Sink {
  const parts: Buffer[] = [];
  return {
    data: (part) => parts.push(Buffer.from(part)),
    end: () => texts.set(path, Buffer.concat(parts).toString('latin1')),
  };
}

/** Of an empty file, which has no content that anybody would be given. */
const EMPTY = createHash('sha256').digest('hex');

/** Reads the archive once more, for files that were not of interest before. */
async function contentsOf(
  {
    file,
    compression,
    inside,
  }: { file: string; compression: Compression; inside: (name: string) => string | undefined },
  paths: ReadonlySet<string>,
  longest: number,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  if (paths.size === 0) return texts;
  await readTar(unpacked(file, compression, signal), (member) => {
    const path = inside(member.name);
    if (path === undefined || !paths.has(path)) return undefined;
    let left = longest;
    const parts: Buffer[] = [];
    return {
      data: (part) => {
        if (left > 0) parts.push(Buffer.from(part.subarray(0, left)));
        left -= part.length;
      },
      end: () => texts.set(path, Buffer.concat(parts).toString('latin1')),
    };
  });
  return texts;
}

/** What can be had of a stream; why it ended early is a defect like others. */
async function* untilBroken(
  stream: AsyncIterable<Buffer>,
  signal: AbortSignal,
  defects: string[],
): AsyncGenerator<Buffer> {
  try {
    yield* stream;
  } catch (error) {
    defects.push(reasonOf(error, signal));
  }
}

function pathOf(name: string): string {
  return name
    .replace(/^(\.?\/)+/, '')
    .replace(/\/+$/, '')
    .replace(/^\.$/, '');
}
