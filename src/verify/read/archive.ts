import type { ArchiveFacts, Entry, TreeFacts } from '../facts.js';
import { compressionOf, unpacked } from './packed.js';
import { reasonOf } from './reason.js';
import { readTar } from './tar.js';
import { wanted } from './content.js';

/** A root filesystem in a tar archive: the archive itself, and the files in it. */
export async function readArchive(
  file: string,
  signal: AbortSignal,
): Promise<{ archive: ArchiveFacts; tree: Pick<TreeFacts, 'entries' | 'texts'> }> {
  const compression = await compressionOf(file);
  const entries = new Map<string, Entry>();
  const texts = new Map<string, string>();
  const broken: string[] = [];
  const stream = untilBroken(unpacked(file, compression, signal), signal, broken);
  const listing = await readTar(stream, (member) => {
    const path = pathOf(member.name);
    let left = wanted(path, member);
    if (left === 0) return undefined;
    const parts: Buffer[] = [];
    return {
      data: (part) => {
        // Copied: the stream's buffers are large, and a few bytes would keep them all.
        if (left > 0) parts.push(Buffer.from(part.subarray(0, left)));
        left -= part.length;
      },
      end: () => texts.set(path, Buffer.concat(parts).toString('latin1')),
    };
  });
  for (const { name, kind, mode, uid, gid, bytes, target } of listing.members) {
    const path = pathOf(name);
    if (path === '') continue;
    const link = target === undefined ? {} : { target: kind === 'hardlink' ? pathOf(target) : target };
    entries.set(path, { kind, mode, uid, gid, bytes, ...link });
  }
  const defects = [...broken, ...listing.defects];
  return { archive: { ...listing, defects, compression }, tree: { entries, texts } };
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
