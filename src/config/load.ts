import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

import type { CollectionFile } from './collection.js';
import type { OptionDeclaration } from './declarations.js';
import { parseYaml, valueAt } from './document.js';
import { ConfigError, UserError, type Problem } from '../errors.js';
import { parseLibrary } from './library.js';
import { openYamlReader, type YamlReader } from './load-cache.js';
import { openCollections, type CollectionStore, type Root } from './load-collections.js';
import { findProfile, loadChain, profileFiles, profileName, readYaml } from './load-profile.js';
import { optionEnvName } from './options.js';
import { resolve } from './resolve.js';
import type { Resolution, ResolveInput } from './resolve-input.js';
import { coreOptions } from './resolve-options.js';
import { ARCHITECTURES } from './architectures.js';
import { SUITE_NAMES } from './suites.js';
import type { BuildConfig } from './types.js';

/** Where product and user keep their files; absolute paths. */
export interface ProjectDirs {
  /** The directory of package.json, with the product's collections and profiles. */
  readonly programDir: string;
  /** Given by --profile-dir and --collection-dir. */
  readonly profileDirs?: readonly string[];
  readonly collectionDirs?: readonly string[];
  /** profiles/, collections/local/ and defaults.yaml are looked for here; the working directory by default. */
  readonly cwd?: string;
  /** Where to remember files that were good; nothing is remembered without. */
  readonly cacheDir?: string;
}

/** The files of product and user. */
export interface Project {
  readonly cwd: string;
  readonly programDir: string;
  readonly roots: readonly Root[];
  readonly profileDirs: readonly string[];
  readonly collections: CollectionStore;
  readonly yaml: YamlReader;
  /** Path as messages show it: relative when it lies below `cwd`. */
  readonly show: (file: string) => string;
}

/** Finds out where things are. Reads none of the profiles and collections yet. */
export function loadProject(dirs: ProjectDirs): Project {
  const cwd = dirs.cwd ?? process.cwd();
  const { programDir, profileDirs = [], collectionDirs = [] } = dirs;
  for (const directory of [...profileDirs, ...collectionDirs]) {
    if (!existsSync(directory)) throw new UserError(`there is no directory ${directory}`);
  }
  const show = (file: string): string => {
    const relative = path.relative(cwd, file);
    return relative.startsWith('../') || relative === '' ? file : relative;
  };
  const roots = [
    { id: 'imgbuild', directory: path.join(programDir, 'collections') },
    { id: 'local', directory: path.join(cwd, 'collections', 'local') },
    ...collectionDirs.map((directory, index) => ({ id: `dir${String(index + 1)}`, directory })),
  ].filter((root) => existsSync(root.directory));
  const libraryFile = path.join(programDir, 'collections', 'lib.sh');
  const library = existsSync(libraryFile) ? readFileSync(libraryFile, 'utf8') : '';
  const yaml = openYamlReader(dirs.cacheDir);
  return {
    cwd,
    programDir,
    yaml,
    roots,
    profileDirs: [...new Set([...profileDirs, path.join(cwd, 'profiles'), path.join(programDir, 'profiles')])],
    collections: openCollections(roots, parseLibrary(library), yaml.read, show),
    show,
  };
}

/** What a profile means. Throws ConfigError with every problem of every file that it involves. */
export function loadProfile(
  project: Project,
  nameOrPath: string,
  sets: readonly string[] = [],
  formats: readonly string[] = [],
): BuildConfig {
  return resolveProfile(project, nameOrPath, sets, formats).config;
}

/** As loadProfile, and tells who declared the options and who gave them their values. */
export function resolveProfile(
  project: Project,
  nameOrPath: string,
  sets: readonly string[] = [],
  formats: readonly string[] = [],
): Resolution {
  const problems: Problem[] = [];
  const { cwd } = project;
  const file = findProfile(project, nameOrPath);
  const profile = loadChain(file, project, problems);
  const siteFile = path.join(cwd, 'defaults.yaml');
  const site = existsSync(siteFile) ? { source: readYaml(siteFile, project, problems), directory: cwd } : undefined;
  const resolution = resolve(
    { ...sharedInput(project), name: profileName(file), profile, site, sets, formats, random: randomUUID() },
    problems,
  );
  if (problems.length > 0) throw new ConfigError(inOrder(problems));
  const collections = resolution.order.flatMap((name) => project.collections.find(name)?.source ?? []);
  // A cache is no place for secrets, so files that hold some are read anew each time.
  const files = resolution.literalSecrets ? [] : [...profile, ...(site === undefined ? [] : [site])];
  project.yaml.remember([...collections, ...files.map(({ source }) => source)]);
  return resolution;
}

/** Everything that is wrong with a collection and those that it requires, whether or not a profile uses it. */
export function validateCollection(project: Project, name: string): readonly Problem[] {
  const problems: Problem[] = [];
  const text = JSON.stringify({ suite: SUITE_NAMES.at(-1), architecture: ARCHITECTURES[0], collections: [name] });
  const source = parseYaml(text, `collection ${name}`, problems);
  const profile = [{ source, directory: project.cwd }];
  resolve(
    { ...sharedInput(project), name: 'collection', profile, site: undefined, sets: [], formats: [], random: '' },
    problems,
  );
  return inOrder(problems);
}

/** What resolving asks of a project, whatever is resolved. */
export function sharedInput(
  project: Project,
): Pick<ResolveInput, 'cwd' | 'roots' | 'collection' | 'content' | 'directory' | 'readText' | 'all'> {
  const { cwd, collections } = project;
  return {
    cwd,
    roots: Object.fromEntries(project.roots.map((root) => [root.id, root.directory])),
    collection: collections.find,
    content: collections.content,
    directory: (name) => collections.place(name)?.directory,
    readText: (file) => readFileSync(file, 'utf8'),
    all: () => allCollections(project),
  };
}

/** By file in the order of first mention, then by place; what was found twice is told once. */
export function inOrder(problems: readonly Problem[]): Problem[] {
  const files = [...new Set(problems.map((problem) => problem.file))];
  const unique = new Map(problems.map((problem) => [JSON.stringify(problem), problem]));
  return [...unique.values()].sort(
    (a, b) => files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line || a.col - b.col,
  );
}

function allCollections({ collections }: Project): CollectionFile[] {
  return collections.names().flatMap((name) => collections.find(name) ?? []);
}

/** A profile as `imgbuild list` shows it. */
export interface ProfileSummary {
  readonly name: string;
  /** Path as messages show it. */
  readonly file: string;
  readonly description: string;
  readonly suite: string;
  readonly architecture: string;
}

/** All profiles that can be named, by path; files with errors have what could be read. */
export function listProfiles(project: Project): ProfileSummary[] {
  return profileFiles(project.profileDirs).map(({ name, file }) => {
    const chain = loadChain(file, project, []);
    const text = (key: string): string => {
      const value = chain.map(({ source }) => valueAt(source, [key])).findLast((found) => found !== undefined);
      return typeof value === 'string' ? value : '';
    };
    const facts = { description: text('description'), suite: text('suite'), architecture: text('architecture') };
    return { name, file: project.show(file), ...facts };
  });
}

/** A collection as `imgbuild list` shows it. */
export interface CollectionSummary {
  readonly name: string;
  readonly directory: string;
  readonly root: string;
  readonly description: string;
  readonly bundle: boolean;
  readonly requires: readonly string[];
  readonly wants: readonly string[];
}

/** All collections of product and user, by name. */
export function listCollections(project: Project): CollectionSummary[] {
  return allCollections(project).map((collection) => {
    const { name, description, bundle, requires, wants } = collection;
    const place = project.collections.place(name);
    return {
      name,
      directory: project.show(place?.directory ?? ''),
      root: place?.root ?? '',
      description,
      bundle,
      requires: requires.map((entry) => entry.value),
      wants: wants.map((entry) => entry.value),
    };
  });
}

/** An option as `imgbuild options` shows it. */
export interface OptionDescription {
  readonly name: string;
  readonly collection: string;
  /** Name of the variable in hooks; secrets have none. */
  readonly variable: string | undefined;
  readonly declaration: OptionDeclaration;
}

/**
 * Options of imgbuild itself and of all collections, by name. The filter is the name of an option, of a group,
 * of a collection, or what a name begins with.
 */
export function describeOptions(project: Project, filter = ''): OptionDescription[] {
  const options = [...coreOptions(), ...allCollections(project).flatMap((collection) => collection.options)];
  return options
    .filter(({ name, collection }) => name.startsWith(filter) || collection === filter)
    .flatMap(({ name, collection, declaration }) => {
      if (declaration === undefined) return [];
      const variable = declaration.type === 'secret' ? undefined : optionEnvName(name);
      return [{ name, collection, variable, declaration }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
