import { PHASES, type Phase } from '../config/types.js';
import type { Problem } from '../errors.js';
import { readAssignments, type Assignment } from './assignments.js';
import { finishingHook, wrapHook, type OldScript } from './hooks.js';
import { readMeta, type Meta } from './meta.js';
import { collectionName, type DeclaredVariable } from './names.js';
import { noteAt, noteOn, type Note } from './note.js';
import { readPackageScript } from './package-script.js';
import { readPermissions, type PermissionEntry } from './permissions.js';
import { settingsOf, type Surroundings } from './settings.js';
import { wordsOf, type Variable } from './variable.js';

/** A file of a collection of the predecessor, by its path in there. */
export interface OldFile {
  readonly path: string;
  /** Where it lies, as messages show it. */
  readonly shown: string;
  readonly kind: 'file' | 'directory' | 'symlink';
}

/** A collection of the predecessor as it lies on disk. */
export interface OldCollection {
  /** Its name there, such as `local/web`. */
  readonly name: string;
  readonly shown: string;
  readonly files: readonly OldFile[];
  readonly read: (path: string) => string;
}

/** What is written for a collection: texts that are made, and files that are copied as they are. */
export interface NewCollection {
  readonly name: string;
  /** Content of collection.yaml. */
  readonly declaration: Readonly<Record<string, unknown>>;
  readonly texts: ReadonlyMap<string, string>;
  /** From the path there to the path here. */
  readonly copies: ReadonlyMap<string, string>;
  readonly notes: readonly Note[];
}

/** What the collections of one import know of each other. */
export interface CollectionSurroundings {
  readonly shim: string;
  readonly own: ReadonlyMap<string, Variable>;
  /** Options that this collection declares. */
  readonly declared: readonly DeclaredVariable[];
  /** env.sh and functions.sh that its hooks see. */
  readonly libraries: readonly OldScript[];
  /** Names of all collections that there will be. */
  readonly exists: (name: string) => boolean;
  readonly refuse: Surroundings['refuse'];
  /** The collection that declares an option; undefined for those of imgbuild itself. */
  readonly owner: (option: string) => string | undefined;
}

/** What the predecessor never looked at, and what is for readers. */
const IGNORED = /^(?:README(?:\..*)?|\.git(?:ignore|keep|attributes)?|LICENSE.*)$/;

/** The assignments in a collection's `config`. */
export function configOf(collection: OldCollection, problems: Problem[]): Assignment[] {
  const config = fileOf(collection, 'config');
  return config === undefined ? [] : readAssignments(collection.read('config'), config.shown, problems);
}

/** What a collection says about others. */
export function metaOf(collection: OldCollection): Meta {
  const file = fileOf(collection, 'meta');
  return readMeta(file === undefined ? '[collection]' : collection.read('meta'), file?.shown ?? collection.shown);
}

/** Makes a collection for imgbuild of one of the predecessor. */
export function convertCollection(
  old: OldCollection,
  config: readonly Assignment[],
  around: CollectionSurroundings,
): NewCollection {
  const meta = metaOf(old);
  const notes: Note[] = [...meta.notes];
  const name = collectionName(old.name);
  const others = (names: readonly string[]): string[] =>
    names.map(collectionName).filter((other) => {
      if (around.exists(other)) return true;
      const shown = fileOf(old, 'meta')?.shown ?? old.shown;
      notes.push(noteAt(shown, 0, 'lost', `there is no collection ${other}`, 'import it, too'));
      return false;
    });
  const links = { requires: others(meta.depends), wants: others(meta.wants) };
  const head = (more: readonly string[]): Record<string, unknown> => {
    const after = meta.late ? '*' : [...new Set([...others(meta.after), ...more])];
    return {
      description: `Brought over from ${old.name} of the predecessor.`,
      ...(meta.virtual ? { bundle: true } : {}),
      ...Object.fromEntries(Object.entries({ ...links, after }).filter(([, value]) => value.length > 0)),
    };
  };
  if (meta.virtual) {
    return { name, declaration: head([]), texts: new Map(), copies: new Map(), notes };
  }
  const texts = new Map<string, string>();
  const copies = new Map<string, string>();
  const settings = settingsOf(
    config.filter(({ name: variable, operator }) => operator !== '*=' || !around.own.has(variable)),
    { before: [], own: around.own, refuse: around.refuse },
  );
  notes.push(...settings.notes);
  const packages = packagesOf(old, around.own, notes);
  const permissions = permissionsOf(old, texts, notes);
  copyParts(old, copies, notes);
  addHooks(old, around, texts, copies, notes);
  const options = Object.fromEntries(
    around.declared.map(({ option, ...rest }) => [option, declarationOf(rest, notes)]),
  );
  const set = Object.fromEntries(settings.options);
  // What base declared may be declared by another collection now, and only what comes before can be set.
  const owners = [...settings.options.keys()].flatMap((option) => around.owner(option) ?? []);
  const declaration = {
    ...head(owners.filter((owner) => owner !== name && !links.requires.includes(owner))),
    ...(Object.keys(options).length > 0 ? { options } : {}),
    ...(Object.keys(set).length > 0 ? { set } : {}),
    ...notEmpty('packages', [...packages.always, ...settings.packages]),
    ...notEmpty('conditional', packages.conditional),
    ...notEmpty('permissions', permissions),
  };
  return { name, declaration, texts, copies, notes };
}

function fileOf({ files }: OldCollection, path: string): OldFile | undefined {
  return files.find((file) => file.path === path && file.kind === 'file');
}

function notEmpty(key: string, list: readonly unknown[]): Record<string, unknown> {
  return list.length === 0 ? {} : { [key]: list };
}

function declarationOf(
  { assignment, type }: Omit<DeclaredVariable, 'option'>,
  notes: Note[],
): Readonly<Record<string, unknown>> {
  const help = assignment.comment === '' ? `Was ${assignment.name}.` : assignment.comment;
  if (type === 'secret') {
    if (assignment.value !== '')
      notes.push(noteOn(assignment, 'lost', 'a password has no default: a profile gives it'));
    return { type, help };
  }
  return { type, default: type === 'boolean' ? assignment.value.trim() === '1' : assignment.value, help };
}

function packagesOf(
  old: OldCollection,
  own: ReadonlyMap<string, Variable>,
  notes: Note[],
): { readonly always: string[]; readonly conditional: unknown[] } {
  const list = fileOf(old, 'package.list') === undefined ? '' : old.read('package.list');
  const always = list
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => wordsOf(line))
    .map((word) => word.replace(/^\+/, ''));
  const script = fileOf(old, 'package.list.sh');
  if (script === undefined) return { always, conditional: [] };
  const { printed, notes: more } = readPackageScript(old.read('package.list.sh'), script.shown, own);
  notes.push(...more);
  const conditional = printed
    .filter(({ when }) => when.length > 0)
    .map(({ when, packages }) => ({ when: when.length === 1 ? when[0] : when, packages }));
  return {
    always: [...always, ...printed.filter(({ when }) => when.length === 0).flatMap(({ packages }) => packages)],
    conditional,
  };
}

/** The permtabs: what is about the overlay becomes permissions, anything else a hook. */
function permissionsOf(old: OldCollection, texts: Map<string, string>, notes: Note[]): PermissionEntry[] {
  return PHASES.flatMap((phase) => {
    const table = fileOf(old, `overlay/${phase}.permtab`);
    if (table === undefined) return [];
    const inOverlay = new Set(old.files.map(({ path }) => path).filter((path) => path.startsWith(`overlay/${phase}/`)));
    const result = readPermissions(old.read(table.path), table.shown, (path) =>
      inOverlay.has(`overlay/${phase}/${path}`),
    );
    notes.push(...result.notes);
    if (result.hook !== '') texts.set(`hooks/${phase}/00-permissions.sh`, result.hook);
    return result.entries;
  });
}

/** Top-level directories of overlays that belong below /usr where it is merged; imgbuild moves the other ones itself. */
function overlayTarget(path: string): string {
  return path.replace(/^(overlay\/[a-z]+)\/libexec(?=\/|$)/, '$1/usr/libexec');
}

function copyParts(old: OldCollection, copies: Map<string, string>, notes: Note[]): void {
  const known = new Set(['meta', 'config', 'package.list', 'package.list.sh', 'env.sh', 'functions.sh']);
  for (const { path, shown, kind } of old.files) {
    const [top = '', phase = ''] = path.split('/');
    const isPhase = PHASES.some((name) => name === phase);
    if (top === 'files') copies.set(path, path);
    else if (top === 'overlay' && isPhase) copies.set(path, overlayTarget(path));
    else if (path === 'host_package.list') {
      notes.push(noteAt(shown, 0, 'told', 'left out: hooks run in the builder, whose packages are fixed'));
    } else if (
      kind === 'file' &&
      !known.has(path) &&
      !IGNORED.test(path) &&
      !isHook(path) &&
      !path.endsWith('.permtab')
    ) {
      notes.push(noteAt(shown, 0, 'told', 'left out: the predecessor did not look at it either'));
    }
  }
}

const HOOK = new RegExp(`^hooks/(${PHASES.join('|')})/([^/]+)\\.sh$`);

function isHook(path: string): boolean {
  return HOOK.test(path);
}

function addHooks(
  old: OldCollection,
  around: CollectionSurroundings,
  texts: Map<string, string>,
  copies: Map<string, string>,
  notes: Note[],
): void {
  const hooks = old.files.filter(({ kind, path }) => kind === 'file' && isHook(path));
  if (hooks.length === 0) return;
  let mentioned = around.libraries.map(({ text }) => text).join('\n');
  for (const { path, shown } of hooks) {
    const [, phase = 'customize', base = ''] = HOOK.exec(path) ?? [];
    const name = hookName(base);
    if (name !== `${base}.sh`)
      notes.push(noteAt(shown, 0, 'told', `is called ${name} now, as hooks begin with a number`));
    const text = old.read(path);
    mentioned += `\n${text}`;
    const stored = `${phase}/${name}`;
    const wrapped = wrapHook({ file: shown, text }, phase as Phase, stored, around);
    notes.push(...wrapped.notes);
    texts.set(`hooks/${stored}`, wrapped.text);
    copies.set(path, `files/dbuild/${stored}`);
  }
  texts.set('files/dbuild/shim.sh', around.shim);
  around.libraries.forEach(({ text }, index) => {
    texts.set(`files/dbuild/lib/${String(index).padStart(2, '0')}.sh`, text);
  });
  // Where the predecessor's own collections did these things.
  if (/\bdbuild_sysusers_(?:add|write)/.test(mentioned)) {
    for (const phase of ['essential', 'customize'])
      texts.set(`hooks/${phase}/06-import-accounts.sh`, finishingHook('accounts'));
  }
  if (/\bdbuild_envd_push\b/.test(mentioned))
    texts.set('hooks/customize/73-import-environment.sh', finishingHook('environment'));
  texts.set('hooks/customize/9999-import-clean.sh', finishingHook('clean'));
}

/** Hooks without a number came last. */
function hookName(base: string): string {
  const plain = base.replaceAll(/[^A-Za-z0-9._-]/g, '_');
  return `${/^[0-9]+-./.test(plain) ? plain : `999-${plain}`}.sh`;
}
