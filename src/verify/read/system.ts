import { open, readFile } from 'node:fs/promises';
import type { BootFacts, DiskFacts, Entry, LuksFacts, PartitionFacts, TreeFacts } from '../facts.js';
import { linesOf } from '../tree.js';
import { withBytes } from './bytes.js';
import { wanted } from './content.js';
import { signersOf } from './efi.js';
import { identify, type Content } from './identify.js';
import { modulesIn } from './initramfs.js';
import { readLuks } from './luks.js';
import { reasonOf } from './reason.js';
import { readTable } from './table.js';
import { openBtrfs, openExt4, openVfat, type OpenTree, type Place } from './trees.js';

type Tree = Pick<TreeFacts, 'entries' | 'texts'>;

/** What a disk consists of; the last three only when it holds a system. */
export interface System {
  readonly disk: DiskFacts;
  readonly luks?: readonly LuksFacts[] | undefined;
  readonly tree?: Tree | undefined;
  readonly boot?: BootFacts | undefined;
}

interface Found {
  readonly partition: PartitionFacts;
  readonly tree: OpenTree;
}

/** Reads a raw disk: its table, what lies in its partitions, and the files of the system on it. */
export async function readSystem(disk: string, scratch: string, signal: AbortSignal): Promise<System> {
  return await withBytes(disk, async (bytes) => {
    const table = await readTable(bytes);
    const unread: string[] = [];
    const luks: LuksFacts[] = [];
    const found: Found[] = [];
    const partitions: PartitionFacts[] = [];
    for (const partition of table.partitions) {
      const content = await identify(bytes, partition.start);
      partitions.push({ ...partition, ...(content === undefined ? {} : { content }) });
      if (content === undefined) continue;
      const where = `partition ${String(partition.number)}`;
      if (content.format === 'luks') luks.push(await readLuks(bytes, content.at, where, scratch, signal));
      try {
        const tree = await openContent({ disk, at: content.at, scratch, signal }, partition, content);
        if (tree !== undefined) found.push({ partition: { ...partition, content }, tree });
        else if (content.format !== 'swap') unread.push(`${where}: nobody looks into ${content.format} here`);
      } catch (error) {
        unread.push(`${where}: ${reasonOf(error, signal)}`);
      }
    }
    const facts = { ...table, bytes: bytes.size, partitions, unread };
    const root = found.find(({ tree }) => isSystem(tree));
    return {
      disk: facts,
      ...(luks.length === 0 ? {} : { luks }),
      ...(root === undefined ? {} : await systemOf(root, found, signal)),
    };
  });
}

async function openContent(place: Place, partition: PartitionFacts, content: Content): Promise<OpenTree | undefined> {
  const left = partition.bytes - (content.at - partition.start);
  if (content.format === 'ext4') return await openExt4(place);
  if (content.format === 'btrfs') return await openBtrfs(place, left);
  if (content.format === 'vfat') return await openVfat(place);
  return undefined;
}

function isSystem({ entries }: OpenTree): boolean {
  return ['etc/os-release', 'usr/lib/os-release', 'etc/fstab'].some((path) => entries.has(path));
}

/** All filesystems as the mounted system sees them. */
async function systemOf(
  root: Found,
  found: readonly Found[],
  signal: AbortSignal,
): Promise<Pick<System, 'tree' | 'boot'>> {
  const fstab = await textIn(root.tree, 'etc/fstab');
  const mounts = found.flatMap((one) => {
    const prefix = one === root ? '' : mountpoint(one.partition, fstab);
    return prefix === undefined ? [] : [{ ...one, prefix }];
  });
  const entries = new Map<string, Entry>();
  const texts = new Map<string, string>();
  for (const { prefix, tree } of mounts) {
    const full = (path: string): string => (prefix === '' ? path : `${prefix}/${path}`);
    const lengths = new Map([...tree.entries].map(([path, entry]) => [path, wanted(full(path), entry)]));
    for (const [path, entry] of tree.entries) entries.set(full(path), entry);
    const copies = await tree.copy([...lengths].filter(([, length]) => length > 0).map(([path]) => path));
    for (const [path, file] of copies) texts.set(full(path), await head(file, lengths.get(path) ?? 0));
  }
  const esp = found.find(({ partition }) => partition.type === 'esp')?.tree;
  const boots = mounts.find(({ prefix }) => prefix === 'boot') ?? { tree: root.tree, prefix: '' };
  return {
    tree: { entries, texts },
    boot: {
      ...(esp === undefined ? { signers: [], searched: [] } : await espFacts(esp)),
      initramfs: await initramfsFacts(boots.tree, boots.prefix === 'boot' ? '' : 'boot/', signal),
      builtin: builtinModules(texts),
    },
  };
}

function mountpoint({ type, id, name, content }: PartitionFacts, fstab: string): string | undefined {
  const sources = [
    `UUID=${content?.uuid ?? ''}`,
    `LABEL=${content?.label ?? ''}`,
    `PARTUUID=${id}`,
    `PARTLABEL=${name}`,
  ];
  const known = new Set(sources.map((source) => source.toLowerCase()));
  const line = linesOf(fstab).find((candidate) =>
    known.has((candidate.split(/\s+/)[0] ?? '').replaceAll('"', '').toLowerCase()),
  );
  const path = line?.split(/\s+/)[1]?.replace(/^\//, '');
  return path ?? (type === 'esp' ? 'boot/efi' : undefined);
}

async function espFacts(esp: OpenTree): Promise<Pick<BootFacts, 'esp' | 'signers' | 'searched'>> {
  const paths = [...esp.entries].filter(([, { kind }]) => kind === 'file').map(([path]) => path);
  const loader = paths.find((path) => /^efi\/boot\/boot(x64|aa64|ia32|riscv64)\.efi$/i.test(path));
  const configurations = paths.filter((path) => /\.cfg$/i.test(path));
  const copies = await esp.copy([...(loader === undefined ? [] : [loader]), ...configurations]);
  const searched: { file: string; uuid: string }[] = [];
  for (const path of configurations) {
    const text = await readFile(copies.get(path) ?? '', 'latin1');
    const uuids = text.matchAll(
      /^\s*search\b.*?\s([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-F]{4}-[0-9A-F]{4})\b/gm,
    );
    for (const [, uuid = ''] of uuids) searched.push({ file: `/${path}`, uuid });
  }
  const signed = copies.get(loader ?? '');
  return { esp: paths, signers: signed === undefined ? [] : await signersOf(signed), searched };
}

async function initramfsFacts(tree: OpenTree, prefix: string, signal: AbortSignal): Promise<BootFacts['initramfs']> {
  const paths = [...tree.entries.keys()].filter((path) => path.startsWith(`${prefix}initrd.img-`));
  const copies = await tree.copy(paths);
  const facts: { file: string; modules: readonly string[] | undefined }[] = [];
  for (const [path, file] of copies) {
    facts.push({ file: `/${prefix === '' ? 'boot/' : ''}${path}`, modules: await modulesIn(file, signal) });
  }
  return facts;
}

/** Names in every modules.builtin: what no kernel here needs as a file. */
function builtinModules(texts: ReadonlyMap<string, string>): string[] {
  const lists = [...texts]
    .filter(([path]) => path.endsWith('/modules.builtin'))
    .map(([, text]) => linesOf(text).flatMap((line) => /([^/]+)\.ko$/.exec(line)?.[1] ?? []));
  const [first = [], ...others] = lists;
  return first.filter((name) => others.every((list) => list.includes(name)));
}

async function textIn(tree: OpenTree, path: string): Promise<string> {
  const file = (await tree.copy([path])).get(path);
  return file === undefined ? '' : await readFile(file, 'latin1');
}

async function head(file: string, length: number): Promise<string> {
  const handle = await open(file, 'r');
  try {
    const buffer = Buffer.alloc(Math.min(length, (await handle.stat()).size));
    await handle.read(buffer, 0, buffer.length, 0);
    return buffer.toString('latin1');
  } finally {
    await handle.close();
  }
}
