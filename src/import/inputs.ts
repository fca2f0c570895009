import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { UserError } from '../errors.js';
import { looksLikeAssignments } from './assignments.js';
import type { OldCollection, OldFile } from './collection.js';
import { OWN_COLLECTIONS } from './names.js';

/** A file of the predecessor that stands for itself. */
export interface InputFile {
  /** File name without its extension: what the new one is called. */
  readonly name: string;
  /** As messages show it. */
  readonly shown: string;
  readonly text: string;
}

/** What there is to bring over. */
export interface Inputs {
  readonly profiles: readonly InputFile[];
  readonly defaults: readonly InputFile[];
  readonly disks: readonly InputFile[];
  readonly collections: readonly (OldCollection & { readonly directory: string })[];
}

/** What a collection of the predecessor consists of: a directory with one of these is one. */
const PARTS = ['meta', 'config', 'package.list', 'package.list.sh', 'env.sh', 'functions.sh', 'hooks', 'overlay'];

/** What editors and Python leave behind, which the predecessor did not copy. */
const DEBRIS =
  /^(?:__pycache__|.*\.py[co]|.*~|[._].*\.s[a-w][a-z]|Session\.vim|\.netrwhist|\.DS_Store|\.AppleDouble|\.LSOverride|\.git)$/;

/**
 * Finds profiles, defaults, disk files and collections in the files and directories that a user names; of a whole checkout
 * of the predecessor what is the user's own.
 *
 * @throws UserError for what does not exist or is none of these.
 */
export function findInputs(names: readonly string[]): Inputs {
  const inputs = { profiles: [], defaults: [], disks: [], collections: [] } as {
    [Key in keyof Inputs]: Inputs[Key][number][];
  };
  for (const name of names) {
    const stat = statSync(name, { throwIfNoEntry: false });
    if (stat === undefined) throw new UserError(`there is no file or directory ${name}`);
    if (!stat.isDirectory()) {
      addFile(name, inputs);
      continue;
    }
    const before = count(inputs);
    if (isCheckout(name)) addCheckout(name, inputs);
    else addDirectory(name, name, inputs);
    if (count(inputs) > before) continue;
    throw new UserError(`${name} has no collection or profile of the predecessor`, {
      hint: 'name a file, the directory of a collection, or the directory that mkimage lies in',
    });
  }
  return inputs;
}

type Found = { readonly [Key in keyof Inputs]: Inputs[Key][number][] };

function count(inputs: Found): number {
  return Object.values(inputs).reduce((sum, list) => sum + list.length, 0);
}

function isCheckout(directory: string): boolean {
  return existsSync(path.join(directory, 'mkimage')) && existsSync(path.join(directory, 'collections'));
}

function addCheckout(directory: string, inputs: Found): void {
  const defaults = path.join(directory, 'defaults');
  if (existsSync(defaults)) addFile(defaults, inputs);
  addDirectory(path.join(directory, 'collections'), directory, inputs);
  const profiles = path.join(directory, 'profiles');
  if (existsSync(profiles)) addDirectory(profiles, directory, inputs);
}

function addDirectory(directory: string, root: string, inputs: Found): void {
  const entries = entriesOf(directory);
  if (entries.some(({ name }) => PARTS.includes(name))) {
    const name = collectionNameOf(directory, root);
    if (OWN_COLLECTIONS.has(name)) {
      if (directory !== root) return;
      throw new UserError(`${directory} is the predecessor's own collection ${name}, which imgbuild has anew`, {
        hint: 'imgbuild list collections shows what there is; name your own collections',
      });
    }
    inputs.collections.push(readCollection(directory, name));
    return;
  }
  for (const entry of entries) {
    const below = path.join(directory, entry.name);
    // The predecessor's examples have their counterparts in profiles/examples.
    if (entry.isDirectory() && entry.name !== 'examples') addDirectory(below, root, inputs);
    else if (entry.isFile() && looksLikeAssignments(read(below))) addFile(below, inputs);
  }
}

function addFile(file: string, inputs: Found): void {
  const text = read(file);
  const base = path.basename(file);
  const input = { name: base.replace(/\.(?:ya?ml|json|conf|cfg|sh)$/, ''), shown: file, text };
  if (!looksLikeAssignments(text)) inputs.disks.push(input);
  else if (/^defaults(?:\.|$)/.test(base)) inputs.defaults.push(input);
  else inputs.profiles.push(input);
}

/** As profiles of the predecessor called it: its path below `collections`, else below what the user named. */
function collectionNameOf(directory: string, root: string): string {
  const absolute = path.resolve(directory);
  const below = /.*\/collections\/(.+)$/.exec(absolute)?.[1];
  const relative = path.relative(path.resolve(root), absolute);
  return below ?? (relative === '' ? path.basename(absolute) : relative);
}

function readCollection(directory: string, name: string): OldCollection & { readonly directory: string } {
  return {
    name,
    directory,
    shown: directory,
    files: walk(directory, ''),
    read: (file) => read(path.join(directory, file)),
  };
}

function walk(directory: string, prefix: string): OldFile[] {
  return entriesOf(path.join(directory, prefix)).flatMap((entry): OldFile[] => {
    const file = prefix + entry.name;
    const shown = path.join(directory, file);
    if (entry.isDirectory()) return [{ path: file, shown, kind: 'directory' }, ...walk(directory, `${file}/`)];
    if (entry.isSymbolicLink()) return [{ path: file, shown, kind: 'symlink' }];
    return entry.isFile() ? [{ path: file, shown, kind: 'file' }] : [];
  });
}

function entriesOf(directory: string) {
  return readdirSync(directory, { withFileTypes: true })
    .filter(({ name }) => !DEBRIS.test(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`${file} cannot be read`, { cause: error });
  }
}
