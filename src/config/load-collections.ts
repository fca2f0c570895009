import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { readCollection, type CollectionFile } from './collection.js';
import type { CollectionContent } from './content.js';
import { lineSource, type Located } from './document.js';
import type { Problem } from '../errors.js';
import type { Library } from './library.js';
import type { YamlReader } from './load-cache.js';
import { readContent, type CollectionPlace } from './load-content.js';

/** A directory of collections. */
export interface Root {
  /** Short name by which plans refer to the directory, wherever it is mounted. */
  readonly id: string;
  readonly directory: string;
}

/** The collections of some roots, each read when it is first asked for. */
export interface CollectionStore {
  readonly find: (name: string) => CollectionFile | undefined;
  readonly content: (collection: CollectionFile) => CollectionContent;
  /** Root and directory of a collection. */
  readonly place: (name: string) => CollectionPlace | undefined;
  /** All names, sorted. */
  readonly names: () => readonly string[];
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._+-]*(?:\/[A-Za-z0-9][A-Za-z0-9._+-]*)*$/;

/**
 * Opens directories of collections. Of collections of the same name, that in the later root counts, so that
 * users can replace one of the product's by their own.
 */
export function openCollections(
  roots: readonly Root[],
  library: Library,
  read: YamlReader['read'],
  show: (file: string) => string,
): CollectionStore {
  const files = new Map<string, CollectionFile | undefined>();
  const contents = new Map<string, CollectionContent>();
  const place = (name: string): CollectionPlace | undefined => {
    if (!NAME.test(name)) return undefined;
    const owner = roots.findLast((root) => existsSync(path.join(root.directory, name, 'collection.yaml')));
    if (owner === undefined) return undefined;
    const directory = path.join(owner.directory, name);
    // collections/local below the product's collections is a root of its own, and its names start there.
    const nested = roots.some(
      (root) =>
        root !== owner &&
        root.directory.startsWith(`${owner.directory}/`) &&
        `${directory}/`.startsWith(`${root.directory}/`),
    );
    return nested ? undefined : { root: owner.id, directory, relative: name };
  };
  let all: readonly string[] | undefined;
  return {
    place,
    find: (name) => {
      if (!files.has(name)) {
        const found = place(name);
        files.set(name, found === undefined ? undefined : readFile(name, found.directory, read, show));
      }
      return files.get(name);
    },
    content: (collection) => {
      let content = contents.get(collection.name);
      if (content === undefined) {
        const found = place(collection.name);
        content = found === undefined ? NO_CONTENT : readContent(collection, found, library, show);
        contents.set(collection.name, content);
      }
      return content;
    },
    names: () => {
      all ??= [...new Set(roots.flatMap((root) => namesBelow(root.directory)))].filter((name) => place(name)).sort();
      return all;
    },
  };
}

const NO_CONTENT: CollectionContent = { hooks: [], overlays: [], files: undefined, filesDigest: '', problems: [] };

function readFile(
  name: string,
  directory: string,
  read: YamlReader['read'],
  show: (file: string) => string,
): CollectionFile {
  const file = path.join(directory, 'collection.yaml');
  const problems: Problem[] = [];
  const source = read(readFileSync(file, 'utf8'), show(file), problems);
  const listFile = path.join(directory, 'packages.list');
  const listed = existsSync(listFile) ? readList(readFileSync(listFile, 'utf8'), show(listFile)) : [];
  return readCollection(name, source, listed, problems);
}

/** Lines of a packages.list without comments; several names may share a line. */
function readList(text: string, file: string): Located<string>[] {
  const source = lineSource(file);
  return text.split('\n').flatMap((line, index) =>
    line
      .replace(/(?:^|\s)#.*$/, '')
      .split(/\s+/)
      .filter((word) => word !== '')
      .map((value) => ({ value, source, path: [index + 1] })),
  );
}

/** Names of the collections below a directory; what belongs to a collection (hooks, files …) is not searched. */
function namesBelow(directory: string, prefix = ''): string[] {
  if (!existsSync(directory)) return [];
  const entries = readdirSync(directory, { withFileTypes: true });
  const own = entries.some((entry) => entry.name === 'collection.yaml');
  const below = entries.filter(
    (entry) => entry.isDirectory() && !entry.name.startsWith('.') && !(own && PARTS.has(entry.name)),
  );
  const names = below.flatMap(({ name }) => namesBelow(path.join(directory, name), `${prefix}${name}/`));
  return own && prefix !== '' ? [prefix.slice(0, -1), ...names] : names;
}

const PARTS: ReadonlySet<string> = new Set(['hooks', 'overlay', 'files']);
