import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { loadLayout } from '../config/load-layout.js';
import { describeOptions, loadProfile, loadProject, validateCollection, type Project } from '../config/load.js';
import { ConfigError, UserError, type Problem } from '../errors.js';
import {
  convertCollections,
  convertDefaults,
  convertDisk,
  convertProfile,
  readInputs,
  type NewDocument,
  type Today,
} from './convert.js';
import { findInputs } from './inputs.js';
import type { Note } from './note.js';
import { documentText, filesBelow, stageCollection, writeBelow } from './stage.js';

/** Something that an import made. */
export interface Imported {
  readonly kind: 'profile' | 'defaults' | 'layout' | 'collection';
  /** Path of the file or directory below the output directory. */
  readonly path: string;
  /** What it was made of, as messages show it. */
  readonly from: string;
}

/** What came of an import. */
export interface Result {
  readonly made: readonly Imported[];
  /** All files below the directory that they were put in. */
  readonly files: readonly string[];
  readonly notes: readonly Note[];
  /** What imgbuild would say about the new files. */
  readonly problems: readonly Problem[];
}

/** Where an import finds and puts things. */
export interface Places {
  readonly programDir: string;
  /** An empty directory, which gets the new files as they will lie in the output directory. */
  readonly staging: string;
  /** The user's directory, whose collections new profiles may name; it is only read. */
  readonly output: string;
}

/** Reads files of the predecessor and puts what they mean into the staging directory. */
export function runImport(names: readonly string[], places: Places): Result {
  const inputs = findInputs(names);
  if (inputs.defaults.length > 1) {
    throw new UserError('there can be one file of defaults', {
      hint: inputs.defaults.map(({ shown }) => shown).join(', '),
    });
  }
  const made: Imported[] = [];
  const notes: Note[] = [];
  const before = todayOf(projectOf(places), places.programDir);
  const reading = readInputs(inputs, new Set(before.options.keys()));
  const local = path.join(places.staging, 'collections', 'local');
  for (const [index, collection] of convertCollections(reading, before).entries()) {
    const source = inputs.collections[index]?.directory ?? '';
    stageCollection(local, source, collection);
    made.push({ kind: 'collection', path: `collections/local/${collection.name}`, from: source });
    notes.push(...collection.notes);
  }
  const today = todayOf(projectOf(places), places.programDir);
  const add = (kind: Imported['kind'], file: string, from: string, document: NewDocument): void => {
    const target = path.join(places.staging, file);
    if (existsSync(target)) throw new UserError(`${from} would be ${file}, too`, { hint: 'import them one by one' });
    writeBelow(target, documentText(document.tree, from));
    made.push({ kind, path: file, from });
    notes.push(...document.notes);
  };
  for (const { shown } of inputs.defaults) add('defaults', 'defaults.yaml', shown, convertDefaults(reading, today));
  for (const input of inputs.profiles) {
    add('profile', `profiles/${input.name}.yaml`, input.shown, convertProfile(input, reading, today));
  }
  for (const input of inputs.disks) add('layout', `${input.name}.yaml`, input.shown, convertDisk(input));
  mkdirSync(places.staging, { recursive: true });
  return { made, files: filesBelow(places.staging), notes, problems: problemsOf(made, places) };
}

/** Collections that the user has already count as well; new ones of the same name come before them. */
function projectOf({ programDir, staging, output }: Places): Project {
  const existing = path.join(output, 'collections', 'local');
  const fresh = path.join(staging, 'collections', 'local');
  const collectionDirs = [existing, fresh].filter((directory) => existsSync(directory));
  return loadProject({ programDir, cwd: staging, collectionDirs });
}

function todayOf(project: Project, programDir: string): Today {
  const options = describeOptions(project).map(({ name, collection, declaration }) => {
    const owner = collection === 'imgbuild' ? undefined : collection;
    return [name, { collection: owner, secret: declaration.type === 'secret' }] as const;
  });
  const closure = (name: string): readonly string[] | undefined => {
    const found = project.collections.find(name);
    if (found === undefined) return undefined;
    const seen = new Set<string>();
    const queue = [name];
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      if (seen.has(next)) continue;
      seen.add(next);
      const { requires = [], wants = [] } = project.collections.find(next) ?? {};
      queue.push(...[...requires, ...wants].map(({ value }) => value));
    }
    return [...seen];
  };
  const shim = readFileSync(path.join(programDir, 'collections', 'import-shim.sh'), 'utf8');
  return { shim, options: new Map(options), closure };
}

/** What is wrong with the new files by the rules of today, which are stricter. */
function problemsOf(made: readonly Imported[], places: Places): Problem[] {
  const project = projectOf(places);
  const problems = made.flatMap(({ kind, path: file }): readonly Problem[] => {
    try {
      if (kind === 'collection') return validateCollection(project, file.replace('collections/local/', ''));
      if (kind === 'profile') loadProfile(project, path.join(places.staging, file));
      if (kind === 'layout') {
        const text = readFileSync(path.join(places.staging, file), 'utf8');
        const layout = { text, file, directory: places.staging };
        loadLayout(project, {
          name: 'import',
          suite: 'bookworm',
          architecture: 'amd64',
          layout,
          sets: [],
          formats: [],
        });
      }
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.problems;
      throw error;
    }
  });
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
}
