import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { output } from '../../exec/run.js';
import type { Entry, FilesystemFacts, TreeFacts } from '../facts.js';
import { withBytes } from './bytes.js';
import { wanted } from './content.js';
import { head } from './file.js';
import type { Contents, Look } from './look.js';
import { reasonOf } from './reason.js';
import { readErofsHeader, readSquashfsHeader } from './read-only.js';
import type { OpenTree } from './trees.js';
import { openDirectory } from './trees-unpacked.js';

/** The files of a system, and how to get at their contents. */
export interface ReadTree {
  readonly tree: Pick<TreeFacts, 'entries' | 'texts'>;
  readonly contents: Contents;
}

/** A root filesystem in a file of its own. */
export interface ReadFilesystem extends Partial<ReadTree> {
  readonly filesystem?: FilesystemFacts | undefined;
  readonly unreadable?: string;
}

/** A squashfs through unsquashfs, which unpacks it. */
export async function readSquashfs(file: string, look: Look): Promise<ReadFilesystem> {
  const filesystem = await withBytes(file, readSquashfsHeader);
  return await unpackedBy((root) => ['unsquashfs', '-quiet', '-no-progress', '-force', '-d', root, file], {
    ...{ file, look, filesystem },
  });
}

/** An erofs through fsck.erofs, which checks all of it and unpacks it. */
export async function readErofs(file: string, look: Look): Promise<ReadFilesystem> {
  const filesystem = await withBytes(file, readErofsHeader);
  return await unpackedBy((root) => ['fsck.erofs', '--xattrs', '--preserve', `--extract=${root}`, file], {
    ...{ file, look, filesystem },
  });
}

/** What the filesystem says of itself counts even where its tool cannot read it. */
async function unpackedBy(
  argv: (root: string) => readonly string[],
  { file, look, filesystem }: { file: string; look: Look; filesystem: FilesystemFacts | undefined },
): Promise<ReadFilesystem> {
  const root = join(look.scratch, 'root');
  await mkdir(root);
  try {
    await output(argv(root), { doing: `reading ${basename(file)}`, signal: look.signal });
    return { filesystem, ...(await readDirectory(root, look)) };
  } catch (error) {
    return { filesystem, unreadable: reasonOf(error, look.signal) };
  }
}

/** A plain directory. */
export async function readDirectory(root: string, look: Look): Promise<ReadTree> {
  return await readOpenTree(await openDirectory(root, look.signal), look);
}

async function readOpenTree(open: OpenTree, look: Look): Promise<ReadTree> {
  const stamps = look.digests ? await open.stamps() : undefined;
  const entries = new Map<string, Entry>();
  for (const [path, entry] of open.entries) entries.set(path, { ...entry, ...stamps?.get(path) });
  const lengths = new Map([...open.entries].map(([path, entry]) => [path, wanted(path, entry)]));
  const texts = new Map<string, string>();
  const copies = await open.copy([...lengths].filter(([, length]) => length > 0).map(([path]) => path));
  for (const [path, copy] of copies) texts.set(path, await head(copy, lengths.get(path) ?? 0));
  return {
    tree: { entries, texts },
    contents: async (paths, longest) => {
      const found = new Map<string, string>();
      for (const [path, copy] of await open.copy(paths)) found.set(path, await head(copy, longest));
      return found;
    },
  };
}
