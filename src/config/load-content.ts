import { readdirSync, readFileSync, readlinkSync, statSync, type Dirent } from 'node:fs';
import path from 'node:path';

import type { CollectionFile } from './collection.js';
import type { CollectionContent, HookFile } from './content.js';
import { lineSource, problemAt, type Path, type Source } from './document.js';
import type { Problem } from '../errors.js';
import { sha256 } from '../digest.js';
import { reachableLibrary, type Library } from './library.js';
import { didYouMean, nearest } from './suggest.js';
import { PHASES, type FileRef, type Overlay, type OverlayEntry, type Phase } from './types.js';

/** Where a collection lies. */
export interface CollectionPlace {
  readonly root: string;
  /** Absolute directory of the collection. */
  readonly directory: string;
  /** The same, relative to its root. */
  readonly relative: string;
}

/** Names that a collection's directory may contain; folders of other names hold further collections. */
const PARTS = ['collection.yaml', 'packages.list', 'hooks', 'overlay', 'files'] as const;

/** What editors, Finder, Python and git leave in directories; .gitkeep lets git keep an empty one. */
const DEBRIS = /^(?:\.gitkeep|\.DS_Store|__pycache__|.*\.py[co]|.*~|\.?#.*|\..*\.sw[a-p])$/;

/** Reads hooks, overlays and files of a collection, with digests. `library` is what hooks are run with. */
export function readContent(
  collection: CollectionFile,
  place: CollectionPlace,
  library: Library,
  show: (file: string) => string,
): CollectionContent {
  const problems: Problem[] = [];
  const report = (message: string, at: Path = [], more: { hint?: string } = {}): void => {
    problems.push(problemAt(collection.source, at, message, more));
  };
  const parts = list(place.directory);
  for (const { name } of parts) {
    const near = PARTS.some((part) => part === name) ? undefined : nearest(name, PARTS);
    if (near !== undefined) report(`"${name}" beside this file means nothing`, [], { hint: `did you mean "${near}"?` });
  }
  const has = (name: string): boolean => parts.some((part) => part.name === name);
  if (collection.bundle) {
    for (const part of PARTS.slice(1).filter(has)) report(`a bundle has no ${part} of its own`, ['bundle']);
  }
  const context = { place, library, show, report };
  const overlays = readOverlays(collection, has('overlay') ? phasesIn('overlay', context) : [], context);
  const files = has('files') ? { root: place.root, path: `${place.relative}/files` } : undefined;
  return {
    hooks: has('hooks') ? readHooks(context) : [],
    overlays,
    files,
    filesDigest: files === undefined ? '' : treeDigest(path.join(place.directory, 'files'), context),
    problems,
  };
}

interface ReadContext {
  readonly place: CollectionPlace;
  readonly library: Library;
  readonly show: (file: string) => string;
  readonly report: (message: string, at?: Path, more?: { hint?: string }) => void;
}

function list(directory: string): Dirent[] {
  return readdirSync(directory, { withFileTypes: true })
    .filter((entry) => !DEBRIS.test(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The phases that have a folder in `hooks` or `overlay`; other folders are reported. */
function phasesIn(part: 'hooks' | 'overlay', { place, report }: ReadContext): Phase[] {
  const found: Phase[] = [];
  for (const entry of list(path.join(place.directory, part))) {
    const phase = PHASES.find((name) => name === entry.name);
    if (phase !== undefined && entry.isDirectory()) found.push(phase);
    else report(`${part}/${entry.name} is none of the phases ${PHASES.join(', ')}`, [], didYouMean(entry.name, PHASES));
  }
  return PHASES.filter((phase) => found.includes(phase));
}

function readHooks(context: ReadContext): HookFile[] {
  const { place, library, show, report } = context;
  return phasesIn('hooks', context).flatMap((phase) =>
    list(path.join(place.directory, 'hooks', phase)).flatMap(({ name }) => {
      const file = path.join(place.directory, 'hooks', phase, name);
      if (!/^[0-9]+-[A-Za-z0-9._-]+\.sh$/.test(name)) {
        report(`hooks/${phase}/${name} is not named like a hook: NN-what.sh`);
        return [];
      }
      const text = readFileSync(file, 'utf8');
      const source: Source = lineSource(show(file));
      const ref: FileRef = { root: place.root, path: `${place.relative}/hooks/${phase}/${name}` };
      // A hook does what the functions do that it calls, so a change of these is a change of the hook.
      const used = reachableLibrary(library, text);
      return [{ phase, name, file: ref, text, sha256: sha256(`${sha256(used)} ${sha256(text)}`), source }];
    }),
  );
}

function readOverlays(collection: CollectionFile, phases: readonly Phase[], context: ReadContext): Overlay[] {
  const { place, report } = context;
  const unused = new Set(collection.permissions);
  const overlays = phases.map((phase): Overlay => {
    const base = path.join(place.directory, 'overlay', phase);
    const entries = walk(base, context).map(({ name, stat, file }): OverlayEntry => {
      const permissions = collection.permissions.filter((entry) => entry.value.path.replace(/\/+$/, '') === name);
      for (const entry of permissions) unused.delete(entry);
      const mode = permissions.findLast((entry) => entry.value.mode !== undefined)?.value.mode;
      const owner = permissions.findLast((entry) => entry.value.owner !== undefined)?.value.owner;
      const common = { path: name, ...(owner === undefined ? {} : { owner }) };
      if (stat.isSymbolicLink()) return { ...common, kind: 'symlink', mode: 0o777, target: readlinkSync(file) };
      const octal = mode === undefined ? undefined : Number.parseInt(mode, 8);
      if (stat.isDirectory()) return { ...common, kind: 'directory', mode: octal ?? 0o755 };
      return {
        ...common,
        kind: 'file',
        mode: octal ?? (isExecutable(file) ? 0o755 : 0o644),
        sha256: sha256(readFileSync(file)),
        source: { root: place.root, path: `${place.relative}/overlay/${phase}/${name}` },
      };
    });
    return { collection: collection.name, phase, entries };
  });
  for (const entry of unused) {
    const known = overlays.flatMap((overlay) => overlay.entries.map((item) => item.path));
    const hint = didYouMean(entry.value.path, known);
    report(`the overlay has no ${entry.value.path}`, [...entry.path, 'path'], hint);
  }
  return overlays;
}

interface Found {
  /** Relative to where the walk began. */
  readonly name: string;
  readonly file: string;
  readonly stat: Dirent;
}

/** Files, directories and links below a directory, parents first; anything else is reported. */
function walk(directory: string, context: ReadContext, prefix = ''): Found[] {
  return list(directory).flatMap((stat) => {
    const file = path.join(directory, stat.name);
    const found = { name: prefix + stat.name, file, stat };
    if (stat.isDirectory()) return [found, ...walk(file, context, `${found.name}/`)];
    if (stat.isFile() || stat.isSymbolicLink()) return [found];
    context.report(`${context.show(file)} is neither file, directory nor link`);
    return [];
  });
}

/** git keeps no other permission than this one; everything else would depend on the umask of a checkout. */
function isExecutable(file: string): boolean {
  return (statSync(file).mode & 0o100) !== 0;
}

function treeDigest(directory: string, context: ReadContext): string {
  const lines = walk(directory, context).map(({ name, file, stat }) => {
    if (stat.isDirectory()) return `directory ${name}`;
    if (stat.isSymbolicLink()) return `link ${name} ${readlinkSync(file)}`;
    return `${isExecutable(file) ? 'program' : 'file'} ${name} ${sha256(readFileSync(file))}`;
  });
  return sha256(lines.join('\n'));
}
