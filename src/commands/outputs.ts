import { lstat, readdir, rm } from 'node:fs/promises';
import path from 'node:path';

/** A file, link or directory in the output directory. */
export interface OutputFile {
  /** Relative to the output directory. */
  readonly path: string;
  readonly bytes: number;
  /** Seconds since the epoch. */
  readonly changed: number;
}

const MANIFEST = '.manifest.json';
/** A text that goes with the first image of a build, and is named after it. */
const HANDOVER = /\.handover\.md$/;

/**
 * Which names in the output directory of a profile are imgbuild's. Images in Proxmox's style do not begin with the
 * profile's name; their manifests tell.
 */
export function ownNames(profile: string, names: readonly string[]): string[] {
  const there = new Set(names);
  return names.filter(
    (name) =>
      name === 'SHA256SUMS' ||
      name.startsWith(`${profile}_`) ||
      (name.endsWith(MANIFEST) && there.has(name.slice(0, -MANIFEST.length))) ||
      there.has(`${name.replace(HANDOVER, '')}${MANIFEST}`),
  );
}

/** Names of the profiles that have outputs. */
export async function profilesWithOutputs(outputDir: string): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await listing(outputDir)) {
    if (!entry.isDirectory()) continue;
    const names = await namesIn(path.join(outputDir, entry.name));
    if (ownNames(entry.name, names).some((name) => name.startsWith(`${entry.name}_`))) found.push(entry.name);
  }
  return found;
}

/** What imgbuild has made for a profile: images, manifests, sums, links, the log of a failed build. */
export async function outputsOf(outputDir: string, profile: string): Promise<OutputFile[]> {
  const names = await namesIn(path.join(outputDir, profile));
  return await measured(
    outputDir,
    ownNames(profile, names).map((name) => path.join(profile, name)),
  );
}

/** Directories in which builds prepare their outputs; of a build that runs, or that was killed. */
export async function unfinishedOutputs(outputDir: string): Promise<OutputFile[]> {
  const found: string[] = [];
  for (const entry of await listing(outputDir)) {
    if (!entry.isDirectory()) continue;
    if (entry.name.startsWith('.imgbuild-')) found.push(entry.name);
    else {
      const below = await namesIn(path.join(outputDir, entry.name));
      found.push(...below.filter((name) => name.startsWith('.imgbuild-')).map((name) => path.join(entry.name, name)));
    }
  }
  return await measured(outputDir, found);
}

/** Removes files, and the directories of profiles that are empty then. */
export async function removeOutputs(outputDir: string, files: readonly OutputFile[]): Promise<void> {
  for (const file of files) await rm(path.join(outputDir, file.path), { recursive: true, force: true });
  for (const directory of new Set(files.map((file) => path.dirname(file.path)))) {
    if (directory === '.') continue;
    const full = path.join(outputDir, directory);
    if ((await namesIn(full)).length === 0) await rm(full, { recursive: true, force: true });
  }
}

async function measured(outputDir: string, paths: readonly string[]): Promise<OutputFile[]> {
  return await Promise.all(
    paths.map(async (relative) => {
      const stat = await lstat(path.join(outputDir, relative));
      return { path: relative, bytes: stat.blocks * 512, changed: Math.floor(stat.mtimeMs / 1000) };
    }),
  );
}

async function namesIn(directory: string): Promise<string[]> {
  return (await listing(directory)).map((entry) => entry.name);
}

async function listing(directory: string) {
  try {
    return (await readdir(directory, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw error;
  }
}
