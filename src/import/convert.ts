import { parseYaml } from '../config/document.js';
import { ARCHITECTURES } from '../config/architectures.js';
import { SUITE_NAMES } from '../config/suites.js';
import { ConfigError, type Problem } from '../errors.js';
import { readAssignments, type Assignment } from './assignments.js';
import { configOf, convertCollection, metaOf, type NewCollection, type OldCollection } from './collection.js';
import { importDisk, isDiskFile } from './disk.js';
import type { OldScript } from './hooks.js';
import type { InputFile, Inputs } from './inputs.js';
import { optionsFor, type DeclaredVariable } from './names.js';
import { noteAt, noteOn, type Note } from './note.js';
import { settingsOf, type Settings } from './settings.js';
import type { Variable } from './variable.js';

/** What an import knows of imgbuild's side. */
export interface Today {
  /** Text of collections/import-shim.sh. */
  readonly shim: string;
  /** Options by name, with the collection that declares them; undefined for imgbuild itself. */
  readonly options: ReadonlyMap<string, { readonly collection: string | undefined; readonly secret: boolean }>;
  /** All that a collection brings along, itself included; undefined when there is none of the name. */
  readonly closure: (collection: string) => readonly string[] | undefined;
}

/** The predecessor's files, read and made sense of as far as they stand for themselves. */
export interface Reading {
  readonly collections: readonly { readonly old: OldCollection; readonly config: readonly Assignment[] }[];
  readonly declared: ReadonlyMap<string, { readonly collection: OldCollection; readonly variable: DeclaredVariable }>;
  readonly own: ReadonlyMap<string, Variable>;
  readonly defaults: readonly Assignment[];
}

/**
 * Reads collections and defaults.
 *
 * @param taken options that are declared already.
 * @throws ConfigError for files that cannot be made sense of.
 */
export function readInputs(inputs: Inputs, taken: ReadonlySet<string>): Reading {
  const problems: Problem[] = [];
  const used = new Set(taken);
  const declared = new Map<string, { readonly collection: OldCollection; readonly variable: DeclaredVariable }>();
  const collections = inputs.collections.map((old) => {
    const config = configOf(old, problems);
    const fresh = config.filter(({ name, operator }) => operator === '*=' && !declared.has(name));
    for (const [name, variable] of optionsFor(fresh, used)) {
      declared.set(name, { collection: old, variable });
      used.add(variable.option);
    }
    return { old, config };
  });
  const defaults = inputs.defaults.flatMap(({ text, shown }) => readAssignments(text, shown, problems));
  if (problems.length > 0) throw new ConfigError(problems);
  const own = new Map([...declared].map(([name, { variable }]) => [name, variable.variable] as const));
  return { collections, declared, own, defaults };
}

/** Converts all collections that were read. */
export function convertCollections({ collections, declared, own }: Reading, today: Today): NewCollection[] {
  const names = new Set(collections.map(({ old }) => old.name.replace(/^local\//, '')));
  return collections.map(({ old, config }) =>
    convertCollection(old, config, {
      shim: today.shim,
      own,
      declared: [...declared.values()].filter(({ collection }) => collection === old).map(({ variable }) => variable),
      libraries: librariesOf(
        old,
        collections.map((entry) => entry.old),
      ),
      exists: (name) => names.has(name) || today.closure(name) !== undefined,
      owner: (option) => today.options.get(option)?.collection,
      refuse: (option) => {
        const known = today.options.get(option);
        const ours = [...own.values()].some((variable) => variable.options.includes(option));
        if (known === undefined && !ours) return { kind: 'lost', message: `there is no option ${option}` };
        if (known?.secret !== true) return undefined;
        return { kind: 'lost', message: 'a collection cannot set a password: a profile gives it' };
      },
    }),
  );
}

/** env.sh of all collections that one depends on, then their functions.sh, as the phases of the predecessor had them. */
function librariesOf(start: OldCollection, all: readonly OldCollection[]): OldScript[] {
  const order: OldCollection[] = [];
  const visit = (collection: OldCollection, path: readonly OldCollection[]): void => {
    if (path.includes(collection)) return;
    const { depends, wants, after } = metaOf(collection);
    for (const name of [...depends, ...after, ...wants]) {
      const other = all.find((entry) => entry.name === name);
      if (other !== undefined) visit(other, [...path, collection]);
    }
    if (!order.includes(collection)) order.push(collection);
  };
  visit(start, []);
  return ['env.sh', 'functions.sh'].flatMap((file) =>
    order.flatMap((collection) => {
      const found = collection.files.find(({ path, kind }) => path === file && kind === 'file');
      return found === undefined ? [] : [{ file: found.shown, text: collection.read(file) }];
    }),
  );
}

/** A document that was made. */
export interface NewDocument {
  /** Without the comment at its head. */
  readonly tree: Readonly<Record<string, unknown>>;
  readonly notes: readonly Note[];
  /** Variables that were mapped. */
  readonly mapped: number;
}

/** Makes a profile. */
export function convertProfile(input: InputFile, reading: Reading, today: Today): NewDocument {
  const problems: Problem[] = [];
  const assignments = readAssignments(input.text, input.shown, problems);
  if (problems.length === 0 && !assignments.some(({ name }) => name === 'DBUILD_TARGET_COLLECTIONS')) {
    const hint = 'if these are the settings of a site, call the file defaults';
    problems.push({ ...noPlace(input), message: 'it has no DBUILD_TARGET_COLLECTIONS, so it is no profile', hint });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const all = settingsOf(assignments, { before: reading.defaults, own: reading.own, refuse: () => undefined });
  const notes: Note[] = [];
  const collections = (all.collections ?? []).flatMap(({ name, at }) => {
    if (today.closure(name) !== undefined) return [name];
    notes.push(noteOn(at, 'lost', `there is no collection ${name}`, 'if it is yours, import its directory, too'));
    return [];
  });
  const there = new Set(collections.flatMap((name) => today.closure(name) ?? []));
  const refuse = (option: string) => {
    const known = today.options.get(option);
    if (known === undefined) return { kind: 'lost' as const, message: `there is no option ${option}` };
    if (known.collection === undefined || there.has(known.collection)) return undefined;
    const message = `left out: ${option} is of collection ${known.collection}, which the profile has not`;
    return { kind: 'told' as const, message };
  };
  const settings = settingsOf(assignments, { before: reading.defaults, own: reading.own, refuse });
  const suite = settings.suite ?? reading.defaults.findLast(({ name }) => name === 'DBUILD_TARGET_CODENAME')?.value;
  const architecture =
    settings.architecture ?? reading.defaults.findLast(({ name }) => name === 'DBUILD_TARGET_ARCH')?.value;
  const at = (name: string): Assignment | undefined => assignments.findLast((entry) => entry.name === name);
  for (const [name, value, known] of [
    ['DBUILD_TARGET_CODENAME', suite, SUITE_NAMES],
    ['DBUILD_TARGET_ARCH', architecture, ARCHITECTURES],
  ] as const) {
    const place = at(name);
    if (value !== undefined && place !== undefined && !known.some((entry) => entry === value)) {
      notes.push(noteOn(place, 'lost', `${value} cannot be built: ${known.join(', ')} can`));
    }
  }
  const tree = {
    suite: suite ?? 'trixie',
    architecture: architecture ?? 'amd64',
    collections,
    ...body(settings),
  };
  return { tree, notes: [...notes, ...settings.notes], mapped: settings.mapped };
}

/** Makes the defaults of a site. */
export function convertDefaults(reading: Reading, today: Today): NewDocument {
  const { defaults, own } = reading;
  const settings = settingsOf(defaults, {
    before: [],
    own,
    refuse: (option) =>
      today.options.has(option) ? undefined : { kind: 'lost', message: `there is no option ${option}` },
  });
  const notes = defaults
    .filter(({ name }) => ['DBUILD_TARGET_CODENAME', 'DBUILD_TARGET_ARCH'].includes(name))
    .map((at) =>
      noteOn(at, 'told', 'defaults cannot say this now: it was written into the profiles that are imported with them'),
    );
  const lost = defaults
    .filter(({ name }) => name === 'DBUILD_TARGET_COLLECTIONS')
    .map((at) =>
      noteOn(at, 'told', 'left out: only profiles name collections, and the predecessor did not read it here'),
    );
  return { tree: body(settings), notes: [...settings.notes, ...notes, ...lost], mapped: settings.mapped };
}

/** Makes a layout of a disk file. */
export function convertDisk(input: InputFile): NewDocument {
  const problems: Problem[] = [];
  const source = parseYaml(input.text, input.shown, problems);
  if (problems.length === 0 && !isDiskFile(source.value)) {
    const message =
      'it is neither a profile nor defaults of the predecessor, and no disk file: it has no list of volumes';
    problems.push({ ...noPlace(input), message });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const { firmware, disk, notes } = importDisk(source, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const told = notes.map((note): Note => ({ ...note, kind: 'told' }));
  return { tree: { options: { 'disk.firmware': firmware }, disk }, notes: told, mapped: 0 };
}

function noPlace({ shown }: InputFile): Problem {
  return noteAt(shown, 0, 'lost', '');
}

function body({ options, packages }: Settings): Record<string, unknown> {
  return {
    ...(options.size === 0 ? {} : { options: grouped(options) }),
    ...(packages.length === 0 ? {} : { packages }),
  };
}

/** Options of a group together; one alone keeps its dots. */
function grouped(options: ReadonlyMap<string, unknown>): Record<string, unknown> {
  const groupOf = (name: string): string => name.split('.')[0] ?? '';
  const tree: Record<string, unknown> = {};
  for (const name of [...options.keys()].sort()) {
    const group = groupOf(name);
    const members = [...options.keys()].filter((other) => groupOf(other) === group).sort();
    if (members.length === 1) tree[name] = options.get(name);
    else {
      tree[group] = Object.fromEntries(
        members.map((member) => [member.slice(group.length + 1), options.get(member)] as const),
      );
    }
  }
  return tree;
}
