import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { output } from '../../exec/run.js';
import type { Entry } from '../facts.js';
import { digestOf, kindOf } from './file.js';

/** What can be told of a file beyond its entry. */
export type Stamp = Pick<Entry, 'digest' | 'xattrs'>;

/** The files of a filesystem, and how to get at their content. */
export interface OpenTree {
  readonly entries: ReadonlyMap<string, Entry>;
  /** Digests and extended attributes, of those that have any. All content is read, a part of it at a time. */
  readonly stamps: () => Promise<ReadonlyMap<string, Stamp>>;
  /** Puts files where they can be read; those that cannot be had are missing in the result. */
  readonly copy: (paths: readonly string[]) => Promise<ReadonlyMap<string, string>>;
}

/** A filesystem in a raw disk, and room to work in. */
export interface Place {
  readonly disk: string;
  readonly at: number;
  readonly scratch: string;
  readonly signal: AbortSignal;
}

/**
 * ext4 through debugfs, which reads a filesystem in the middle of a file without mounting it. Inodes instead of paths stand in
 * its commands: it has no quoting for all that a name may hold.
 */
export async function openExt4({ disk, at, scratch, signal }: Place): Promise<OpenTree> {
  const device = `${disk}?offset=${String(at)}`;
  const work = await mkdtemp(join(scratch, 'ext4-'));
  const ask = async (commands: readonly string[]): Promise<string[]> => {
    const script = join(work, 'commands');
    await writeFile(script, `${commands.join('\n')}\n`);
    const text = await output(['debugfs', '-f', script, device], { doing: 'reading an ext4 filesystem', signal });
    // Each command is repeated behind a prompt, which after `cat` does not stand at the beginning of a line.
    return text.split(/debugfs: (?:ls|stat|cat|dump|ea_list) [^\n]*<\d+>[^\n]*\n/).slice(1);
  };
  const entries = new Map<string, Entry>();
  const inodes = new Map<string, string>();
  let directories: { readonly path: string; readonly inode: string }[] = [{ path: '', inode: '2' }];
  while (directories.length > 0) {
    const listings = await ask(directories.map(({ inode }) => `ls -l -p <${inode}>`));
    const next: typeof directories = [];
    for (const [n, { path }] of directories.entries()) {
      for (const line of (listings[n] ?? '').split('\n')) {
        const [, inode = '', mode = '', uid, gid, name = '', bytes] =
          /^\/(\d+)\/(\d+)\/(\d+)\/(\d+)\/(.*)\/(\d*)\/$/.exec(line) ?? [];
        if (inode === '' || inode === '0' || name === '.' || name === '..') continue;
        const full = path === '' ? name : `${path}/${name}`;
        const bits = Number.parseInt(mode, 8);
        const kind = kindOf(bits);
        inodes.set(full, inode);
        entries.set(full, { kind, mode: bits & 0o7777, uid: Number(uid), gid: Number(gid), bytes: Number(bytes ?? 0) });
        if (kind === 'directory') next.push({ path: full, inode });
      }
    }
    directories = next;
  }
  await addTargets(entries, inodes, ask);
  const dump = async (paths: readonly string[]): Promise<ReadonlyMap<string, string>> => {
    const known = paths.filter((path) => inodes.has(path));
    const files = new Map(known.map((path) => [path, join(work, inodes.get(path) ?? '')]));
    await ask(known.map((path) => `dump <${inodes.get(path) ?? ''}> ${files.get(path) ?? ''}`));
    return files;
  };
  return { entries, copy: dump, stamps: () => stampsOf(entries, inodes, ask, dump) };
}

/** So much content is on the side at a time; a single file may be larger. */
const BATCH_BYTES = 64 << 20;
const BATCH_FILES = 2000;

async function stampsOf(
  entries: ReadonlyMap<string, Entry>,
  inodes: ReadonlyMap<string, string>,
  ask: (commands: readonly string[]) => Promise<string[]>,
  dump: (paths: readonly string[]) => Promise<ReadonlyMap<string, string>>,
): Promise<Map<string, Stamp>> {
  const files = [...entries].filter(([, { kind }]) => kind === 'file');
  const byInode = new Map(files.map(([path]) => [inodes.get(path) ?? '', path]));
  const attributes = await ask([...byInode.keys()].map((inode) => `ea_list <${inode}>`));
  const digests = new Map<string, string>();
  for (let rest = [...byInode.values()]; rest.length > 0;) {
    let bytes = 0;
    const batch = rest.filter((path, n) => {
      bytes += entries.get(path)?.bytes ?? 0;
      return n === 0 || (n < BATCH_FILES && bytes <= BATCH_BYTES);
    });
    const taken = new Set(batch);
    for (const [path, copy] of await dump(batch)) {
      digests.set(inodes.get(path) ?? '', await digestOf(copy));
      await rm(copy, { force: true });
    }
    rest = rest.filter((path) => !taken.has(path));
  }
  const xattrs = new Map([...byInode.keys()].map((inode, n) => [inode, attributesIn(attributes[n] ?? '')]));
  return new Map(
    files.map(([path]) => {
      const inode = inodes.get(path) ?? '';
      const [digest, found = {}] = [digests.get(inode), xattrs.get(inode)];
      return [path, { ...(digest === undefined ? {} : { digest }), ...(isEmpty(found) ? {} : { xattrs: found }) }];
    }),
  );
}

function isEmpty(record: Readonly<Record<string, string>>): boolean {
  return Object.keys(record).length === 0;
}

/** `NAME (LENGTH) = "TEXT"` or `= 01 02 …`, as debugfs lists them, which has ACLs in a form of its own. */
function attributesIn(listing: string): Record<string, string> {
  const found = [...listing.matchAll(/^ {2}((?:security|user|trusted)\.\S+) \(\d+\) = (.*)$/gm)];
  return Object.fromEntries(
    found.map(([, name = '', value = '']) => {
      const text = /^"(.*)"$/.exec(value)?.[1]?.replace(/\\(["\\])/g, '$1');
      return [name, text === undefined ? value.replaceAll(' ', '') : Buffer.from(text, 'latin1').toString('hex')];
    }),
  );
}

/** What symbolic links point to: up to 59 bytes stand in the inode, longer ones are content. */
async function addTargets(
  entries: Map<string, Entry>,
  inodes: ReadonlyMap<string, string>,
  ask: (commands: readonly string[]) => Promise<string[]>,
): Promise<void> {
  const links = [...entries].filter(([, { kind }]) => kind === 'symlink');
  if (links.length === 0) return;
  const answers = await ask(
    links.map(([path, { bytes }]) => `${bytes < 60 ? 'stat' : 'cat'} <${inodes.get(path) ?? ''}>`),
  );
  for (const [n, [path, entry]] of links.entries()) {
    const answer = answers[n] ?? '';
    const target = entry.bytes < 60 ? /^Fast link dest: "(.*)"$/m.exec(answer)?.[1] : answer.slice(0, entry.bytes);
    entries.set(path, { ...entry, target: target ?? '' });
  }
}
