import { lstat, mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { output } from '../../exec/run.js';
import type { Entry, EntryKind } from '../facts.js';

/** The files of a filesystem, and how to get at their content. */
export interface OpenTree {
  readonly entries: ReadonlyMap<string, Entry>;
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

/** The highest four bits of a mode, above those for setuid, setgid and sticky. */
const KIND_BITS: Readonly<Record<number, EntryKind>> = {
  0o01: 'fifo',
  0o02: 'char',
  0o04: 'directory',
  0o06: 'block',
  0o10: 'file',
  0o12: 'symlink',
  0o14: 'socket',
};

function kindOf(mode: number): EntryKind {
  return KIND_BITS[mode >> 12] ?? 'file';
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
    return text.split(/debugfs: (?:ls|stat|cat|dump) [^\n]*<\d+>[^\n]*\n/).slice(1);
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
  return {
    entries,
    copy: async (paths) => {
      const known = paths.filter((path) => inodes.has(path));
      const files = new Map(known.map((path) => [path, join(work, inodes.get(path) ?? '')]));
      await ask(known.map((path) => `dump <${inodes.get(path) ?? ''}> ${files.get(path) ?? ''}`));
      return files;
    },
  };
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

/**
 * btrfs through `btrfs restore`, which takes no offset: the partition is cut out first, holes stay holes. Subvolumes come as
 * directories; the system is in the one that has an os-release.
 */
export async function openBtrfs({ disk, at, scratch, signal }: Place, bytes: number): Promise<OpenTree> {
  const work = await mkdtemp(join(scratch, 'btrfs-'));
  const part = join(work, 'part');
  const root = join(work, 'root');
  await mkdir(root);
  const doing = 'reading a btrfs filesystem';
  await output(
    [
      'dd',
      `if=${disk}`,
      `of=${part}`,
      'bs=1M',
      `skip=${String(at)}`,
      `count=${String(bytes)}`,
      'iflag=skip_bytes,count_bytes',
      'conv=sparse',
      'status=none',
    ],
    { doing, signal },
  );
  await output(['btrfs', 'restore', '-s', '-m', '-S', '-i', part, root], { doing, signal });
  await rm(part);
  const top = await readdir(root);
  const system = top.find((name) => name.startsWith('@root')) ?? top.find((name) => name === '@');
  return await openDirectory(system === undefined ? root : join(root, system));
}

/** FAT through mtools: names and content, for it has nothing else. */
export async function openVfat({ disk, at, scratch, signal }: Place): Promise<OpenTree> {
  const work = await mkdtemp(join(scratch, 'vfat-'));
  const image = `${disk}@@${String(at)}`;
  await output(['mcopy', '-s', '-n', '-Q', '-i', image, '::/', work], {
    doing: 'reading a FAT filesystem',
    signal,
    env: { MTOOLS_SKIP_CHECK: '1' },
  });
  const tree = await openDirectory(work);
  // What FAT cannot say is what it is mounted with.
  const entries = new Map([...tree.entries].map(([path, entry]) => [path, { ...entry, uid: 0, gid: 0, mode: 0o700 }]));
  return { ...tree, entries };
}

async function openDirectory(root: string): Promise<OpenTree> {
  const entries = new Map<string, Entry>();
  const walk = async (directory: string): Promise<void> => {
    for (const name of await readdir(join(root, directory))) {
      const path = directory === '' ? name : `${directory}/${name}`;
      const { mode, uid, gid, size } = await lstat(join(root, path));
      const kind = kindOf(mode);
      const link = kind === 'symlink' ? { target: await readlink(join(root, path)) } : {};
      entries.set(path, { kind, mode: mode & 0o7777, uid, gid, bytes: size, ...link });
      if (kind === 'directory') await walk(path);
    }
  };
  await walk('');
  return {
    entries,
    copy: (paths) => {
      const files = paths.filter((path) => entries.get(path)?.kind === 'file');
      return Promise.resolve(new Map(files.map((path) => [path, join(root, path)])));
    },
  };
}
