import {
  chmodSync,
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../digest.js';
import { giveToOwnerOf } from './context.js';
import { readJson } from './json.js';
import { ASIDE } from './publish-files.js';

export const MANIFEST_SUFFIX = '.manifest.json';

/** A file as its build's manifest lists it. */
export interface ListedFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  /** A directory, whose digest is not that of a file. */
  readonly directory?: true;
  /** By which number Incus will know the image. */
  readonly fingerprint?: string;
  /** The link that names the newest file of its kind. */
  readonly link?: string;
}

/** The files that a manifest lists; none when it is not there or damaged. */
export function listedFiles(manifest: string): readonly ListedFile[] {
  const files = (readJson(manifest) as { files?: unknown } | undefined)?.files;
  // Names lead nowhere else: the files are removed by them.
  return Array.isArray(files) ? (files as ListedFile[]).filter(({ name }) => name !== '' && !name.includes('/')) : [];
}

/** One build's files in an output directory. */
interface Kept {
  readonly manifest: string;
  readonly files: readonly ListedFile[];
  readonly time: number;
}

/** The builds of which there are files, newest first. */
export function keptBuilds(directory: string): Kept[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(MANIFEST_SUFFIX))
    .map((manifest) => {
      const path = join(directory, manifest);
      const files = listedFiles(path).filter(({ name }) => existsSync(join(directory, name)));
      return { manifest, files, time: statSync(path).mtimeMs };
    })
    .filter(({ files }) => files.length > 0)
    .sort((a, b) => b.time - a.time || (a.manifest < b.manifest ? 1 : -1));
}

/**
 * Removes what a new build has taken the names from: where the moment is fixed (SOURCE_DATE_EPOCH) or the name has none
 * (Proxmox's), a file replaces the one before, and the other files of that build are of a build that is no more.
 */
export function removeReplaced(directory: string, manifest: string, names: ReadonlySet<string>): void {
  for (const before of keptBuilds(directory)) {
    if (before.manifest === manifest || !before.files.some(({ name }) => names.has(name))) continue;
    for (const { name } of before.files)
      if (!names.has(name)) rmSync(join(directory, name), { recursive: true, force: true });
    rmSync(join(directory, before.manifest), { force: true });
  }
}

/** Removes all but the newest `keep` builds, and never the one just made; and links to what is no more. */
export function prune(directory: string, keep: number, current: string): void {
  if (keep === 0) return;
  const others = keptBuilds(directory).filter(({ manifest }) => manifest !== current);
  const removed = others.slice(keep - 1).flatMap(({ manifest, files }) => [...files.map(({ name }) => name), manifest]);
  for (const name of removed) rmSync(join(directory, name), { recursive: true, force: true });
  for (const name of readdirSync(directory)) {
    const target = linkTarget(join(directory, name));
    if (target !== undefined && removed.includes(target)) rmSync(join(directory, name));
  }
}

/** Where a link leads to; `undefined` when it is none. */
export function linkTarget(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
}

/** Points the links at new files. */
export function relink(directory: string, owned: string, files: readonly ListedFile[]): void {
  for (const { name, link } of files) {
    if (link === undefined || linkTarget(join(directory, link)) === name) continue;
    const fresh = join(directory, `${ASIDE}link`);
    rmSync(fresh, { force: true });
    symlinkSync(name, fresh);
    giveToOwnerOf(owned, fresh);
    renameSync(fresh, join(directory, link));
  }
}

/** SHA256SUMS of all files and manifests that are there, in the form that `sha256sum --check` reads. */
export function writeSums(directory: string, owned: string): void {
  const lines = keptBuilds(directory).flatMap(({ manifest, files }) => [
    ...files.filter((file) => file.directory !== true).map((file) => `${file.sha256}  ${file.name}`),
    `${sha256(readFileSync(join(directory, manifest)))}  ${manifest}`,
  ]);
  const fresh = join(directory, `${ASIDE}sums`);
  writeFileSync(fresh, `${lines.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join('\n')}\n`, { flush: true });
  chmodSync(fresh, 0o644);
  giveToOwnerOf(owned, fresh);
  renameSync(fresh, join(directory, 'SHA256SUMS'));
}
