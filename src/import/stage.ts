import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { yamlLibrary } from '../config/lazy.js';
import { UserError } from '../errors.js';
import type { NewCollection } from './collection.js';

/** A document with a comment that tells where it comes from. */
export function documentText(tree: Readonly<Record<string, unknown>>, from: string): string {
  // Empty defaults are a comment alone: `{}` would look as if something were missing.
  const content = Object.keys(tree).length === 0 ? '' : yamlLibrary().stringify(tree, { lineWidth: 120 });
  return `# Made by imgbuild import of ${path.basename(from)}.\n${content}`;
}

/** Writes a collection below a directory. `source` is where the predecessor's lies. */
export function stageCollection(directory: string, source: string, collection: NewCollection): void {
  const target = path.join(directory, collection.name);
  mkdirSync(target, { recursive: true });
  writeFileSync(path.join(target, 'collection.yaml'), documentText(collection.declaration, source));
  for (const [file, text] of collection.texts) writeBelow(path.join(target, file), text);
  for (const [from, to] of collection.copies) copyOne(path.join(source, from), path.join(target, to));
}

/** Writes a text with the directories that it needs. */
export function writeBelow(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function copyOne(from: string, to: string): void {
  const stat = lstatSync(from);
  mkdirSync(path.dirname(to), { recursive: true });
  if (stat.isSymbolicLink()) symlinkSync(readlinkSync(from), to);
  else if (stat.isDirectory()) {
    mkdirSync(to, { recursive: true });
    // git keeps no empty directories, and an overlay may need one.
    if (readdirSync(from).length === 0) writeFileSync(path.join(to, '.gitkeep'), '');
  } else {
    copyFileSync(from, to);
    chmodSync(to, stat.mode & 0o777);
  }
}

/** Files and links below a directory, by their paths in it, in order. */
export function filesBelow(directory: string, prefix = ''): string[] {
  return readdirSync(path.join(directory, prefix), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const file = prefix + entry.name;
      return entry.isDirectory() ? filesBelow(directory, `${file}/`) : [file];
    });
}

/**
 * Copies what was made to where it belongs.
 *
 * @throws UserError naming the files that are there already, before anything is written, unless they may be replaced.
 */
export function publishFiles(from: string, to: string, files: readonly string[], force: boolean): void {
  const there = files.filter((file) => lstatSync(path.join(to, file), { throwIfNoEntry: false }) !== undefined);
  if (there.length > 0 && !force) {
    const more = there.length > 3 ? ` and ${String(there.length - 3)} more` : '';
    throw new UserError(
      `${there.slice(0, 3).join(', ')}${more} in ${to} exist${there.length === 1 ? 's' : ''} already`,
      {
        hint: 'choose another directory with --output, or replace them with --force',
      },
    );
  }
  for (const file of files) {
    const target = path.join(to, file);
    if (existsSync(target) && statSync(target).isDirectory()) {
      throw new UserError(`${target} is a directory, where a file is to be`);
    }
    const source = path.join(from, file);
    mkdirSync(path.dirname(target), { recursive: true });
    if (!lstatSync(source).isSymbolicLink()) copyFileSync(source, target);
    else if (!there.includes(file) || readlinkSync(source) !== readlinkOf(target))
      symlinkSync(readlinkSync(source), target);
  }
}

function readlinkOf(file: string): string | undefined {
  return lstatSync(file).isSymbolicLink() ? readlinkSync(file) : undefined;
}
