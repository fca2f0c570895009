import type { DiskFacts, Entry, Facts, LayerFacts } from '../verify/facts.js';
import { compareText, packagesOf, unitsOf, type Package } from './system.js';

/** What a file has in one image and not in the other. */
export type Aspect = 'kind' | 'mode' | 'owner' | 'attributes' | 'target' | 'content';

/** A path that is not the same in both images. */
export interface FileChange {
  readonly path: string;
  readonly change: 'added' | 'removed' | 'changed';
  readonly aspects: readonly Aspect[];
  /** Undefined where the file is not. */
  readonly a?: Entry | undefined;
  readonly b?: Entry | undefined;
  /** Both contents, when they are texts that may be shown: a unified diff. */
  readonly diff?: string | undefined;
}

/** A package that is not the same in both images; undefined where it is not installed. */
export interface PackageChange {
  readonly name: string;
  readonly architecture: string;
  readonly a?: string | undefined;
  readonly b?: string | undefined;
}

/** Two values of something that is one thing. */
export interface Pair {
  readonly what: string;
  readonly a: string;
  readonly b: string;
}

/** What one image has and the other has not. */
export interface Comparison {
  /** Nothing differs but identities and the sizes of the files. */
  readonly same: boolean;
  readonly packages: readonly PackageChange[];
  readonly units: { readonly added: readonly string[]; readonly removed: readonly string[] };
  /** Partitions and layers, without their identities. */
  readonly storage: readonly Pair[];
  /** Below /boot. */
  readonly boot: readonly FileChange[];
  readonly files: readonly FileChange[];
  /** What is to differ between any two images or builds: UUIDs of storage, and files that differ in such alone. */
  readonly identities: readonly Pair[];
  readonly sizes: readonly Pair[];
}

/** Compares all but contents: those of files with different digests are told apart later. */
export function compareFacts(a: Facts, b: Facts): Comparison {
  const none = { entries: new Map<string, Entry>(), texts: new Map<string, string>() };
  const [treeA, treeB] = [a.tree ?? none, b.tree ?? none];
  const changes = compareFiles(treeA.entries, treeB.entries);
  const [unitsA, unitsB] = [unitsOf(treeA), unitsOf(treeB)];
  const storage = compareStorage(a.disk, b.disk);
  return judged({
    packages: comparePackages(packagesOf(treeA), packagesOf(treeB)),
    units: {
      added: unitsB.filter((unit) => !unitsA.includes(unit)),
      removed: unitsA.filter((unit) => !unitsB.includes(unit)),
    },
    storage: storage.filter(({ identity }) => !identity).map(pairOf),
    identities: storage.filter(({ identity }) => identity).map(pairOf),
    boot: changes.filter(({ path }) => path.startsWith('boot/')),
    files: changes.filter(({ path }) => !path.startsWith('boot/')),
    sizes: [
      { what: 'file', a: String(a.file.bytes), b: String(b.file.bytes) },
      { what: 'disk', a: String(a.disk?.bytes ?? 0), b: String(b.disk?.bytes ?? 0) },
      { what: 'content', a: String(contentBytes(treeA.entries)), b: String(contentBytes(treeB.entries)) },
    ].filter((pair) => pair.a !== pair.b),
  });
}

/** Says whether anything differs that is no identity. */
export function judged(comparison: Omit<Comparison, 'same'>): Comparison {
  const { packages, units, storage, boot, files } = comparison;
  const lists = [packages, units.added, units.removed, storage, boot, files];
  return { same: lists.every((list) => list.length === 0), ...comparison };
}

function pairOf({ what, a, b }: Pair): Pair {
  return { what, a, b };
}

/** Packages that one has and the other has not, or in another version. */
export function comparePackages(a: readonly Package[], b: readonly Package[]): PackageChange[] {
  const byName = (list: readonly Package[]): Map<string, Package> =>
    new Map(list.map((one) => [`${one.name}:${one.architecture}`, one]));
  const [before, after] = [byName(a), byName(b)];
  return [...new Set([...before.keys(), ...after.keys()])].sort(compareText).flatMap((key) => {
    const [one, other] = [before.get(key), after.get(key)];
    if (one?.version === other?.version) return [];
    const { name = '', architecture = '' } = one ?? other ?? {};
    return [{ name, architecture, a: one?.version, b: other?.version }];
  });
}

/** Paths that one has and the other has not, or otherwise, in order. Which name of a hard link was stored first is no difference. */
export function compareFiles(a: ReadonlyMap<string, Entry>, b: ReadonlyMap<string, Entry>): FileChange[] {
  const changes: FileChange[] = [];
  for (const path of new Set([...a.keys(), ...b.keys()])) {
    // What the filesystem needs for itself is in no archive.
    if (path === 'lost+found' || path.endsWith('/lost+found')) continue;
    const [one, other] = [linked(a, path), linked(b, path)];
    if (one === undefined) changes.push({ path, change: 'added', aspects: [], b: other });
    else if (other === undefined) changes.push({ path, change: 'removed', aspects: [], a: one });
    else {
      const aspects = aspectsOf(one, other);
      if (aspects.length > 0) changes.push({ path, change: 'changed', aspects, a: one, b: other });
    }
  }
  return changes.sort((x, y) => compareText(x.path, y.path));
}

function linked(entries: ReadonlyMap<string, Entry>, path: string): Entry | undefined {
  const entry = entries.get(path);
  return entry?.kind === 'hardlink' ? (entries.get(entry.target ?? '') ?? entry) : entry;
}

function aspectsOf(a: Entry, b: Entry): Aspect[] {
  if (a.kind !== b.kind) return ['kind'];
  const link = a.kind === 'symlink';
  const differ: readonly (readonly [Aspect, boolean])[] = [
    // Links have no permissions of their own.
    ['mode', !link && a.mode !== b.mode],
    ['owner', a.uid !== b.uid || a.gid !== b.gid],
    ['attributes', attributesText(a) !== attributesText(b)],
    ['target', link && a.target !== b.target],
    ['content', a.kind === 'file' && (a.digest !== b.digest || a.bytes !== b.bytes)],
  ];
  return differ.flatMap(([aspect, differs]) => (differs ? [aspect] : []));
}

/** Extended attributes in an order of their own. */
export function attributesText({ xattrs = {} }: Entry): string {
  return Object.entries(xattrs)
    .map(([name, value]) => `${name}=0x${value}`)
    .sort(compareText)
    .join(' ');
}

function contentBytes(entries: ReadonlyMap<string, Entry>): number {
  return [...entries.values()].reduce((sum, { kind, bytes }) => sum + (kind === 'file' ? bytes : 0), 0);
}

type StoragePair = Pair & { readonly identity: boolean };

/** Partition tables and layers, position by position. */
function compareStorage(a: DiskFacts | undefined, b: DiskFacts | undefined): StoragePair[] {
  const [before, after] = [storageOf(a), storageOf(b)];
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((what) => {
    const [one, other] = [before.get(what), after.get(what)];
    if (one?.value === other?.value) return [];
    const identity = one?.identity === true && other?.identity === true;
    // The identity of what is there only once tells nothing more.
    if (!identity && (one?.identity ?? other?.identity) === true) return [];
    return [{ what, a: one?.value ?? '', b: other?.value ?? '', identity }];
  });
}

interface Value {
  readonly value: string;
  readonly identity: boolean;
}

/** All values of a disk's storage by what they are. */
function storageOf(disk: DiskFacts | undefined): Map<string, Value> {
  const values = new Map<string, Value>();
  if (disk === undefined) return values;
  const put = (what: string, value: string, identity = false): void => {
    if (value !== '') values.set(what, { value, identity });
  };
  put('table', disk.table);
  put('sectors', String(disk.sectorBytes));
  put('boot code', disk.bootCode ? 'yes' : 'no');
  for (const { number, name, type, id, start, bytes, layer } of disk.partitions) {
    const where = `partition ${String(number)}`;
    put(where, [name, type, `${String(bytes)} bytes at ${String(start)}`].filter((word) => word !== '').join(', '));
    put(`${where}: PARTUUID`, id, true);
    if (layer !== undefined) putLayer(put, where, layer);
  }
  return values;
}

function putLayer(
  put: (what: string, value: string, identity?: boolean) => void,
  where: string,
  layer: LayerFacts,
): void {
  const { format, label, uuid, volume, bytes, closed, inside } = layer;
  const size = volume === undefined ? '' : `, ${String(bytes)} bytes`;
  const shut = closed === undefined ? '' : ', closed';
  put(`${where}: content`, `${format}${label === '' ? '' : ` "${label}"`}${size}${shut}`);
  put(`${where}: UUID`, uuid, true);
  inside.forEach((inner, n) => {
    const name = inner.volume ?? (inside.length === 1 ? inner.format : `${inner.format} ${String(n + 1)}`);
    putLayer(put, `${where}/${name}`, inner);
  });
}
