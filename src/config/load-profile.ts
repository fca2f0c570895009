import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

import { problemAt, valueAt } from './document.js';
import { UserError, type Problem } from '../errors.js';
import type { YamlReader } from './load-cache.js';
import type { ConfigFile } from './resolve-input.js';
import { didYouMean, nearest } from './suggest.js';

/** A profile that can be built by its name. */
export interface ProfileFile {
  readonly name: string;
  readonly file: string;
  /** How many directories below the profile directory it lies. */
  readonly depth: number;
}

/** Names that outputs, archives and importing platforms take as they are: a disk's name in an OVA has room for 100 characters. */
const PROFILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$/;

/** All profiles below the directories, the shallowest first, then by path. */
export function profileFiles(directories: readonly string[]): ProfileFile[] {
  return directories
    .flatMap((directory) => filesBelow(directory, 0))
    .sort((a, b) => a.depth - b.depth || (a.file < b.file ? -1 : 1));
}

function filesBelow(directory: string, depth: number): ProfileFile[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.')) return [];
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) return filesBelow(file, depth + 1);
    return /\.ya?ml$/.test(entry.name) ? [{ name: profileName(file), file, depth }] : [];
  });
}

/** The name of the profile in a file. */
export function profileName(file: string): string {
  return path.basename(file).replace(/\.ya?ml$/, '');
}

interface Places {
  readonly cwd: string;
  readonly programDir: string;
  readonly profileDirs: readonly string[];
  readonly show: (file: string) => string;
}

/** The file of a profile that is named by path (with or without .yaml) or by a bare name. */
export function findProfile(places: Places, nameOrPath: string): string {
  const file = byPath(places, nameOrPath) ?? byName(places, nameOrPath);
  if (!PROFILE_NAME.test(profileName(file))) {
    throw new UserError(`"${profileName(file)}" cannot be the name of a profile: it names the outputs`, {
      hint: 'use letters, digits, dots, dashes and underscores, 80 at most',
    });
  }
  return file;
}

function byPath({ cwd, programDir, profileDirs }: Places, nameOrPath: string): string | undefined {
  if (!nameOrPath.includes('/') && !/\.ya?ml$/.test(nameOrPath)) return undefined;
  const bases = [cwd, programDir, ...profileDirs];
  return bases.map((base) => withExtension(path.resolve(base, nameOrPath))).find((file) => file !== undefined);
}

function withExtension(file: string): string | undefined {
  return [file, `${file}.yaml`, `${file}.yml`].find((name) => statSync(name, { throwIfNoEntry: false })?.isFile());
}

/** Files of a name, but for one: the user's directories come before the product's, and what they hold wins, however deep. */
function named(profileDirs: readonly string[], name: string, except?: string): ProfileFile[] {
  const inOrder = profileDirs.map((directory) =>
    profileFiles([directory]).filter((profile) => profile.name === name && profile.file !== except),
  );
  return inOrder.find((found) => found.length > 0) ?? [];
}

/** The file that is nearest to the top; none for none. Throws UserError when two are. */
function nearestToTop([first, second]: readonly ProfileFile[], show: Places['show']): string | undefined {
  if (first !== undefined && second?.depth === first.depth) {
    throw new UserError(`profile "${first.name}" could be ${show(first.file)} or ${show(second.file)}`, {
      hint: 'name it by its path',
    });
  }
  return first?.file;
}

function byName({ profileDirs, show }: Places, name: string): string {
  const file = nearestToTop(named(profileDirs, name), show);
  if (file !== undefined) return file;
  const near = nearest(
    path.basename(name),
    profileFiles(profileDirs).map((profile) => profile.name),
  );
  const hint = near === undefined ? 'imgbuild list profiles shows all there are' : `did you mean "${near}"?`;
  throw new UserError(`there is no profile "${name}"`, { hint });
}

interface Reading {
  readonly yaml: YamlReader;
  readonly show: (file: string) => string;
}

type Search = Reading & Pick<Places, 'profileDirs'>;

/**
 * What `extends` means: a path from the file that says it, or else from a profile directory, the product's last, so that
 * the examples are found wherever the user's profiles lie; or a name, as `build` takes it. A profile of the same name as
 * the file itself is another one, if there is any: so somebody's own variant of an example can keep its name.
 */
function extended(from: string, wanted: string, { profileDirs, show }: Search): string | undefined {
  const bases = [path.dirname(from), ...profileDirs];
  const paths = bases.flatMap((base) => withExtension(path.resolve(base, wanted)) ?? []);
  const other = paths.find((file) => file !== from);
  return other ?? nearestToTop(named(profileDirs, wanted, from), show) ?? paths[0];
}

/** Reads a profile and all that it extends, what is extended first. */
export function loadChain(file: string, search: Search, problems: Problem[]): ConfigFile[] {
  const { profileDirs, show } = search;
  const chain: ConfigFile[] = [];
  const seen: string[] = [];
  let next: string | undefined = file;
  while (next !== undefined) {
    seen.push(next);
    const source = readYaml(next, search, problems);
    const directory = path.dirname(next);
    chain.unshift({ source, directory });
    const wanted = valueAt(source, ['extends']);
    if (typeof wanted !== 'string' || wanted === '') break;
    const found: string | undefined = extended(next, wanted, search);
    if (found === undefined) {
      const near = [directory, ...profileDirs].flatMap((base) =>
        filesBelow(base, 0).map((profile) => path.relative(base, profile.file)),
      );
      problems.push(problemAt(source, ['extends'], `there is no profile ${wanted}`, didYouMean(wanted, near)));
    } else if (seen.includes(found)) {
      const names = [...seen.slice(seen.indexOf(found)), found].map(show);
      problems.push(problemAt(source, ['extends'], `profiles extend each other: ${names.join(' → ')}`));
      break;
    }
    next = found;
  }
  return chain;
}

/** Reads and parses a yaml file; an unreadable one is an error by itself. */
export function readYaml(file: string, { yaml, show }: Reading, problems: Problem[]): ConfigFile['source'] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new UserError(`${show(file)} cannot be read (${code})`, { cause });
  }
  return yaml.read(text, show(file), problems);
}
