import type { Entry, TreeFacts } from '../verify/facts.js';
import { textOf } from '../verify/tree.js';
import { compareText } from './system.js';

/** What a package takes. */
export interface PackageSize {
  readonly name: string;
  readonly bytes: number;
  readonly files: number;
  /** Names of the packages that it depends on, alternatives among them. */
  readonly depends: readonly string[];
  /** Every Debian has it (Essential, or of priority required). */
  readonly essential: boolean;
}

/** What an image consists of, by who owns it. */
export interface Measured {
  /** Of all files, each content once. */
  readonly bytes: number;
  /** Installed packages, the largest first. */
  readonly packages: readonly PackageSize[];
  /** Files that belong to no package. */
  readonly loose: readonly { readonly path: string; readonly bytes: number }[];
}

/** A collection as far as sizes are concerned. */
export interface Sized {
  readonly name: string;
  /** Packages that it names, whatever the conditions. */
  readonly packages: readonly string[];
  /** Paths of its overlays. */
  readonly paths: readonly string[];
}

/** Bytes that somebody is to answer for. */
export interface Share {
  readonly name: string;
  readonly bytes: number;
  readonly packages: number;
}

/** Where dpkg keeps which files a package has. */
export const FILE_LIST = /^var\/lib\/dpkg\/info\/([^/:]+)(?::[^/]+)?\.list$/;

/**
 * Adds up what the packages of a tree take. A file that several packages list (a directory's link, a diversion) counts for
 * the first by name.
 *
 * @param lists dpkg's lists of files, by their paths in the image.
 */
export function measure(tree: Pick<TreeFacts, 'entries' | 'texts'>, lists: ReadonlyMap<string, string>): Measured {
  const owners = new Map<string, string>();
  for (const [path, text] of [...lists].sort(([a], [b]) => compareText(a, b))) {
    const name = FILE_LIST.exec(path)?.[1];
    if (name === undefined) continue;
    for (const line of text.split('\n')) {
      // Lists are bytes; names of files in an archive are UTF-8.
      const file = merged(Buffer.from(line, 'latin1').toString('utf8').replace(/^\//, ''), tree.entries);
      if (!owners.has(file)) owners.set(file, name);
    }
  }
  const sums = new Map<string, { bytes: number; files: number }>();
  const loose: { path: string; bytes: number }[] = [];
  let bytes = 0;
  for (const [path, entry] of tree.entries) {
    if (entry.kind !== 'file') continue;
    bytes += entry.bytes;
    const owner = owners.get(path);
    if (owner === undefined) {
      loose.push({ path, bytes: entry.bytes });
      continue;
    }
    const sum = sums.get(owner) ?? { bytes: 0, files: 0 };
    sums.set(owner, { bytes: sum.bytes + entry.bytes, files: sum.files + 1 });
  }
  const packages = stanzasOf(tree).map((stanza) => ({
    ...stanza,
    ...(sums.get(stanza.name) ?? { bytes: 0, files: 0 }),
  }));
  return {
    bytes,
    packages: packages.sort((a, b) => b.bytes - a.bytes || compareText(a.name, b.name)),
    loose: loose.sort((a, b) => b.bytes - a.bytes || compareText(a.path, b.path)),
  };
}

/** Packages name files by /bin and /lib, which are links into /usr. */
function merged(path: string, entries: ReadonlyMap<string, Entry>): string {
  const top = path.slice(0, Math.max(path.indexOf('/'), 0));
  return top !== '' &&
    entries.get(top)?.kind === 'symlink' &&
    entries.get(top)?.target?.replace(/^\//, '') === `usr/${top}`
    ? `usr/${path}`
    : path;
}

function stanzasOf(tree: Pick<TreeFacts, 'entries' | 'texts'>): Omit<PackageSize, 'bytes' | 'files'>[] {
  const status = textOf(tree, 'var/lib/dpkg/status') ?? '';
  return status.split(/\n\n+/).flatMap((stanza) => {
    if (!/^Status: \S+ \S+ installed$/m.test(stanza)) return [];
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? '';
    const depends = `${field('Pre-Depends')},${field('Depends')}`.split(/[,|]/).flatMap((word) => {
      const name = /^\s*([a-z0-9][a-z0-9+.-]*)/.exec(word)?.[1];
      return name === undefined ? [] : [name];
    });
    const essential = field('Essential') === 'yes' || field('Priority') === 'required';
    return [{ name: field('Package'), depends, essential }];
  });
}

/** Who answers for packages that no collection brings, and for files of nobody. */
export const DEBIAN = 'Debian itself';
export const OTHERS = 'profile, and what was made in the image';

/**
 * Tells which collection answers for how much: the packages that it names with all that these depend on, unless an earlier
 * one, or Debian itself, has them already, and the files of its overlays.
 *
 * @param collections in their order.
 */
export function sharesOf(measured: Measured, collections: readonly Sized[]): Share[] {
  const byName = new Map(measured.packages.map((one) => [one.name, one]));
  const taken = new Set<string>();
  const take = (names: readonly string[]): PackageSize[] =>
    names.flatMap((name) => {
      const found = byName.get(name);
      if (found === undefined || taken.has(name)) return [];
      taken.add(name);
      return [found, ...take(found.depends)];
    });
  const share = (name: string, packages: readonly PackageSize[], more: number): Share => ({
    name,
    bytes: packages.reduce((sum, { bytes }) => sum + bytes, more),
    packages: packages.length,
  });
  const debian = take(measured.packages.filter(({ essential }) => essential).map(({ name }) => name));
  const own = new Map<string, string>();
  for (const { name, paths } of collections) for (const path of paths) own.set(path, name);
  const looseOf = (name: string | undefined): number =>
    measured.loose.reduce((sum, { path, bytes }) => sum + (own.get(path) === name ? bytes : 0), 0);
  const shares = [
    share(DEBIAN, debian, 0),
    ...collections.map(({ name, packages }) => share(name, take(packages), looseOf(name))),
  ];
  const rest = measured.packages.filter(({ name }) => !taken.has(name));
  return [...shares, share(OTHERS, rest, looseOf(undefined))]
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes || compareText(a.name, b.name));
}
