import { lstat, mkdir, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { output } from '../../exec/run.js';
import type { Entry } from '../facts.js';
import { digestOf, kindOf } from './file.js';
import type { OpenTree, Place, Stamp } from './trees.js';

/** A tree of a btrfs filesystem. */
export interface Subvolume {
  /** As fstab names it; '' for what has no subvolumes. */
  readonly name: string;
  readonly tree: OpenTree;
}

/**
 * btrfs through `btrfs restore`, which takes no offset: the partition is cut out first, holes stay holes. Subvolumes come as
 * directories.
 */
export async function openBtrfs({ disk, at, scratch, signal }: Place, bytes: number): Promise<Subvolume[]> {
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
  await output(['btrfs', 'restore', '-s', '-m', '-x', '-S', '-i', part, root], { doing, signal });
  await rm(part);
  const names = (await readdir(root)).filter((name) => name.startsWith('@'));
  if (names.length === 0) return [{ name: '', tree: await openDirectory(root, signal) }];
  const subvolumes: Subvolume[] = [];
  for (const name of names) subvolumes.push({ name, tree: await openDirectory(join(root, name), signal) });
  return subvolumes;
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
  const tree = await openDirectory(work, signal);
  // What FAT cannot say is what it is mounted with.
  const entries = new Map([...tree.entries].map(([path, entry]) => [path, { ...entry, uid: 0, gid: 0, mode: 0o700 }]));
  return { ...tree, entries };
}

/** A directory with files as they lie there. */
export async function openDirectory(root: string, signal: AbortSignal): Promise<OpenTree> {
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
  const files = [...entries].filter(([, { kind }]) => kind === 'file').map(([path]) => path);
  return {
    entries,
    copy: (paths) => {
      const known = paths.filter((path) => entries.get(path)?.kind === 'file');
      return Promise.resolve(new Map(known.map((path) => [path, join(root, path)])));
    },
    stamps: async () => {
      const attributes = await attributesBelow(root, signal);
      const stamps = new Map<string, Stamp>();
      for (const path of files) {
        const xattrs = attributes.get(path);
        stamps.set(path, { digest: await digestOf(join(root, path)), ...(xattrs === undefined ? {} : { xattrs }) });
      }
      return stamps;
    },
  };
}

/** Extended attributes by path, as getfattr prints them; it writes odd characters of names in octal. */
async function attributesBelow(root: string, signal: AbortSignal): Promise<Map<string, Record<string, string>>> {
  const pattern = '^(security|user|trusted)\\.';
  // -h: a link that leads nowhere has none to be asked for.
  const argv = ['getfattr', '-R', '-P', '-h', '-d', '-m', pattern, '-e', 'hex', '--absolute-names', root];
  const text = await output(argv, { doing: 'reading extended attributes', signal });
  const found = new Map<string, Record<string, string>>();
  for (const block of text.split('\n\n')) {
    const [head = '', ...lines] = block.split('\n');
    const name = head.replace(/^# file: /, '').replace(/(?:\\\d{3})+/g, (bytes) => {
      return Buffer.from(
        bytes
          .split('\\')
          .slice(1)
          .map((octal) => Number.parseInt(octal, 8)),
      ).toString('utf8');
    });
    const values = lines.flatMap((line) => {
      const [, key = '', value = ''] = /^([^=]+)=0x([0-9a-f]*)$/.exec(line) ?? [];
      return key === '' ? [] : [[key, value] as const];
    });
    if (values.length > 0) found.set(name.slice(root.length + 1), Object.fromEntries(values));
  }
  return found;
}
