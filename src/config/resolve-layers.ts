import type { DeclaredOption } from './collection.js';
import { entriesAt, isMapping, problemAt, type Located, type Path, type Source } from './document.js';
import type { Problem } from '../errors.js';
import { nearest } from './suggest.js';

/** The options of a profile's collections, and those that it could have with others. */
export interface OptionTable {
  readonly declared: ReadonlyMap<string, DeclaredOption>;
  /** The same by the names of their variables in hooks. */
  readonly variables: ReadonlyMap<string, DeclaredOption>;
  /** Options of collections that are not part of the profile; looked up only when needed, as that reads all of them. */
  readonly elsewhere: () => ReadonlyMap<string, DeclaredOption>;
  /** Names of the collections of the profile, in their order. */
  readonly order: readonly string[];
  /** Some collections of the profile are unknown, so options of others may be meant for them. */
  readonly incomplete: boolean;
}

/** A place where options get values. */
export interface OptionLayer {
  /** What to call it when asked where a value comes from. */
  readonly label: string;
  readonly source: Source;
  readonly path: Path;
  /** Directory that `file:` of secrets and keys of archives are relative to. */
  readonly directory: string;
  /** May name options of collections that are not part of the profile: they are left out. */
  readonly lenient: boolean;
  /** The collection that sets other defaults; its position decides what it may set. */
  readonly collection?: string;
}

/** An option together with a value that a layer gives it. */
export interface Entry {
  readonly option: DeclaredOption;
  readonly at: Located<unknown>;
}

/** The values of a layer by option, nested and dotted spellings alike; names that are none become problems. */
export function layerEntries(table: OptionTable, layer: OptionLayer, problems: Problem[]): Entry[] {
  const entries: Entry[] = [];
  const seen = new Set<string>();
  const visit = (path: Path, prefix: string): void => {
    for (const { key, value, source, path: at } of entriesAt(layer.source, path)) {
      const name = prefix + key;
      const option = table.declared.get(name);
      if (option === undefined && isMapping(value) && isGroup(table, name)) {
        visit(at, `${name}.`);
        continue;
      }
      const problem = option === undefined ? foreignProblem(table, layer, name) : orderProblem(table, layer, option);
      if (problem !== undefined) {
        const more = problem.hint === undefined ? {} : { hint: problem.hint };
        problems.push(problemAt(source, at, problem.message, { part: 'key', ...more }));
        continue;
      }
      if (seen.has(name)) {
        problems.push(problemAt(source, at, `option "${name}" is set twice`, { part: 'key' }));
        continue;
      }
      seen.add(name);
      const found = option ?? table.elsewhere().get(name);
      if (found !== undefined) entries.push({ option: found, at: { value, source, path: at } });
    }
  };
  visit(layer.path, '');
  return entries;
}

function isGroup(table: OptionTable, name: string): boolean {
  const inside = (option: string): boolean => option.startsWith(`${name}.`);
  return [...table.declared.keys()].some(inside) || [...table.elsewhere().keys()].some(inside);
}

/** What is wrong with naming an option that no collection of the profile declares. */
export function foreignProblem(
  table: OptionTable,
  layer: Pick<OptionLayer, 'lenient'>,
  name: string,
): { message: string; hint?: string } | undefined {
  const foreign = table.elsewhere().get(name);
  if (foreign !== undefined) {
    if (layer.lenient || table.incomplete) return undefined;
    return {
      message: `option "${name}" is declared by collection "${foreign.collection}", which is not part of this profile`,
      hint: `add ${foreign.collection} to collections`,
    };
  }
  return unknownOption(table, name);
}

/** As how many options of a group are named; some have dozens. */
const NAMED = 6;

/** What to say of a name that is no option: what a group has, or which is the nearest; the profile's own before all. */
export function unknownOption(table: OptionTable, name: string): { message: string; hint?: string } {
  const places = [table.declared, table.elsewhere()].map((options) => [...options.keys()]);
  for (const names of places) {
    const members = names.filter((option) => option.startsWith(`${name}.`));
    if (members.length === 0) continue;
    const rest = members.length - NAMED;
    const named = rest > 0 ? [...members.slice(0, NAMED), `${String(rest)} more`] : members;
    const list = [named.slice(0, -1).join(', '), ...named.slice(-1)].filter((part) => part !== '').join(' or ');
    return { message: `"${name}" is a group of options, not an option`, hint: `use ${list}` };
  }
  const message = `unknown option "${name}"`;
  for (const names of places) {
    const groups = names.filter((option) => option.includes('.')).map((option) => option.slice(0, option.indexOf('.')));
    const found = nearest(name, [...names, ...new Set(groups)]);
    if (found !== undefined) return { message, hint: `did you mean "${found}"?` };
  }
  return { message };
}

/** A collection may set only what is declared before it: what comes later would not know of it. */
function orderProblem(
  table: OptionTable,
  layer: OptionLayer,
  option: DeclaredOption,
): { message: string; hint?: string } | undefined {
  const { collection } = layer;
  if (collection === undefined) return undefined;
  if (option.declaration?.type === 'secret') return { message: 'a collection cannot set a secret' };
  if (option.collection === collection) {
    return { message: `option "${option.name}" is declared here`, hint: 'give its declaration another default' };
  }
  const mine = table.order.indexOf(collection);
  if (table.order.indexOf(option.collection) > mine) {
    return {
      message: `option "${option.name}" is declared by collection "${option.collection}", which comes later`,
      hint: `add ${option.collection} to requires or after`,
    };
  }
  return undefined;
}
