import { readFile } from 'node:fs/promises';
import type { BootFacts, DiskFacts, Entry, LayerFacts, LuksFacts, PartitionFacts, TreeFacts } from '../facts.js';
import { linesOf } from '../tree.js';
import { withBytes } from './bytes.js';
import { wanted } from './content.js';
import { signersOf } from './efi.js';
import { identify } from './identify.js';
import { head } from './file.js';
import { openLayers, type Leaf } from './layers.js';
import type { Contents, Look } from './look.js';
import { modulesIn } from './initramfs.js';
import { readLuks } from './luks.js';
import { reasonOf } from './reason.js';
import { readTable } from './table.js';
import { openBtrfs, openVfat, type Subvolume } from './trees-unpacked.js';
import { openExt4, type OpenTree } from './trees.js';

type Tree = Pick<TreeFacts, 'entries' | 'texts'>;

/** What a disk consists of; the last three only when it holds a system. */
export interface System {
  readonly disk: DiskFacts;
  readonly luks?: readonly LuksFacts[] | undefined;
  readonly tree?: Tree | undefined;
  readonly boot?: BootFacts | undefined;
  readonly contents?: Contents | undefined;
}

interface Found {
  readonly partition: PartitionFacts;
  /** What the files lie in: the partition's content or, of layers, the innermost. */
  readonly leaf: Leaf;
  readonly subvolume: string;
  readonly tree: OpenTree;
}

/** A filesystem with the path below which the system sees it; '' is its root. */
type Mounted = Found & { readonly prefix: string };

/** Reads a raw disk: its table, what lies in its partitions, and the files of the system on it. */
export async function readSystem(disk: string, look: Look): Promise<System> {
  const { scratch, signal, judged } = look;
  return await withBytes(disk, async (bytes) => {
    const table = await readTable(bytes);
    const unread: string[] = [];
    const luks: LuksFacts[] = [];
    const found: Found[] = [];
    const partitions: PartitionFacts[] = [];
    for (const partition of table.partitions) {
      const content = await identify(bytes, partition.start);
      if (content === undefined) {
        partitions.push(partition);
        continue;
      }
      const opened = await openLayers(bytes, { disk, at: partition.start, bytes: partition.bytes }, look);
      const known = { ...partition, content, ...(opened === undefined ? {} : { layer: opened.layer }) };
      partitions.push(known);
      const where = `partition ${String(partition.number)}`;
      if (judged && content.format === 'luks') luks.push(await readLuks(bytes, content.at, where, scratch, signal));
      for (const leaf of opened?.leaves ?? []) {
        try {
          const trees = await openLeaf(leaf, look);
          for (const { name, tree } of trees ?? []) found.push({ partition: known, leaf, subvolume: name, tree });
          const { format } = leaf.layer;
          if (trees === undefined && format !== 'swap') unread.push(`${where}: nobody looks into ${format} here`);
        } catch (error) {
          unread.push(`${where}: ${reasonOf(error, signal)}`);
        }
      }
    }
    const facts = { ...table, bytes: bytes.size, partitions, unread };
    const root = found.find(({ tree }) => isSystem(tree));
    return {
      disk: facts,
      ...(luks.length === 0 ? {} : { luks }),
      ...(root === undefined ? {} : await systemOf(root, found, look)),
    };
  });
}

/** The trees of a filesystem; undefined for all else. */
async function openLeaf({ layer, extent }: Leaf, { scratch, signal }: Look): Promise<readonly Subvolume[] | undefined> {
  const place = { disk: extent.disk, at: extent.at, scratch, signal };
  if (layer.format === 'ext4') return [{ name: '', tree: await openExt4(place) }];
  if (layer.format === 'vfat') return [{ name: '', tree: await openVfat(place) }];
  return layer.format === 'btrfs' ? await openBtrfs(place, extent.bytes) : undefined;
}

function isSystem({ entries }: OpenTree): boolean {
  return ['etc/os-release', 'usr/lib/os-release', 'etc/fstab'].some((path) => entries.has(path));
}

/** All filesystems as the mounted system sees them. */
async function systemOf(
  root: Found,
  found: readonly Found[],
  look: Look,
): Promise<Pick<System, 'tree' | 'boot' | 'contents'>> {
  const fstab = await textIn(root.tree, 'etc/fstab');
  const mounts = found.flatMap((one): Mounted[] => {
    const prefix = one === root ? '' : mountpoint(one, fstab);
    return prefix === undefined ? [] : [{ ...one, prefix }];
  });
  const entries = new Map<string, Entry>();
  const texts = new Map<string, string>();
  const places = new Map<string, { readonly tree: OpenTree; readonly path: string }>();
  for (const { prefix, tree } of mounts) {
    const full = (path: string): string => (prefix === '' ? path : `${prefix}/${path}`);
    const lengths = new Map([...tree.entries].map(([path, entry]) => [path, wanted(full(path), entry)]));
    const stamps = look.digests ? await tree.stamps() : undefined;
    for (const [path, entry] of tree.entries) {
      entries.set(full(path), { ...entry, ...stamps?.get(path) });
      places.set(full(path), { tree, path });
    }
    const copies = await tree.copy([...lengths].filter(([, length]) => length > 0).map(([path]) => path));
    for (const [path, file] of copies) texts.set(full(path), await head(file, lengths.get(path) ?? 0));
  }
  const esp = found.find(({ partition }) => partition.type === 'esp')?.tree;
  const boots = mounts.find(({ prefix }) => prefix === 'boot') ?? { tree: root.tree, prefix: '' };
  return {
    tree: { entries, texts },
    boot: {
      ...(esp === undefined ? { signers: [], searched: [] } : await espFacts(esp)),
      initramfs: look.judged
        ? await initramfsFacts(boots.tree, boots.prefix === 'boot' ? '' : 'boot/', look.signal)
        : [],
      builtin: builtinModules(texts),
    },
    contents: (paths, longest) => contentsOf(paths, places, longest),
  };
}

async function contentsOf(
  paths: readonly string[],
  places: ReadonlyMap<string, { readonly tree: OpenTree; readonly path: string }>,
  longest: number,
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const tree of new Set(paths.map((path) => places.get(path)?.tree))) {
    if (tree === undefined) continue;
    const here = paths.filter((path) => places.get(path)?.tree === tree);
    const copies = await tree.copy(here.map((path) => places.get(path)?.path ?? ''));
    for (const path of here) {
      const file = copies.get(places.get(path)?.path ?? '');
      if (file !== undefined) texts.set(path, await head(file, longest));
    }
  }
  return texts;
}

function mountpoint({ partition, leaf, subvolume }: Found, fstab: string): string | undefined {
  const { type, id, name, layer } = partition;
  const { uuid, label, volume = '' } = leaf.layer;
  const group = groupOf(layer, leaf);
  const sources = [`UUID=${uuid}`, `LABEL=${label}`, `PARTUUID=${id}`, `PARTLABEL=${name}`];
  // The device mapper doubles dashes of names.
  const mapped = [group, volume].map((part) => part.replaceAll('-', '--')).join('-');
  const volumes = volume === '' ? [] : [`/dev/${group}/${volume}`, `/dev/mapper/${mapped}`];
  const known = new Set([...sources, ...volumes].map((source) => source.toLowerCase()));
  const line = linesOf(fstab).find((candidate) => {
    const [source = '', , , options = ''] = candidate.split(/\s+/);
    const option = /(?:^|,)subvol=\/?([^,]*)/.exec(options)?.[1];
    return known.has(source.replaceAll('"', '').toLowerCase()) && (subvolume === '' || option === subvolume);
  });
  const path = line?.split(/\s+/)[1]?.replace(/^\//, '');
  return path ?? (type === 'esp' ? 'boot/efi' : undefined);
}

/** Name of the volume group that a leaf lies in; '' when it is in none. */
function groupOf(layer: LayerFacts | undefined, leaf: Leaf): string {
  if (layer === undefined) return '';
  if (layer.format === 'lvm' && layer.inside.includes(leaf.layer)) return layer.label;
  return layer.inside.map((inner) => groupOf(inner, leaf)).find((name) => name !== '') ?? '';
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
