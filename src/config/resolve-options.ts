import { CORE, CORE_OPTIONS } from './core-options.js';
import type { CollectionFile, DeclaredOption } from './collection.js';
import { problemAt } from './document.js';
import type { Problem } from '../errors.js';
import { checkValue, defaultValue, optionEnvName } from './options.js';
import { layerEntries, type Entry, type OptionLayer, type OptionTable } from './resolve-layers.js';
import type { ResolveInput } from './resolve-input.js';
import { readSecretSource, readSet, type Assignment } from './resolve-sets.js';
import { finishValue } from './resolve-sources.js';
import type { OptionValue, SecretSource } from './types.js';

export interface MergedOptions {
  readonly values: Readonly<Record<string, OptionValue>>;
  readonly secrets: Readonly<Record<string, SecretSource>>;
  /** Labels of the layers that gave each option its value; absent for declared defaults. */
  readonly origins: ReadonlyMap<string, string>;
  /** A secret stands in a file itself, be it for an option that is not used here. */
  readonly literalSecrets: boolean;
}

/** All options of imgbuild itself, as if a collection declared them. */
export function coreOptions(): DeclaredOption[] {
  return Object.entries(CORE_OPTIONS).map(([name, declaration]) => ({
    name,
    declaration,
    collection: CORE,
    at: undefined,
  }));
}

/** Gathers what the collections declare, in their order; two that declare the same are a problem. */
export function declareOptions(
  collections: readonly CollectionFile[],
  problems: Problem[],
): Map<string, DeclaredOption> {
  const declared = new Map<string, DeclaredOption>();
  for (const option of [...coreOptions(), ...collections.flatMap((collection) => collection.options)]) {
    const clash = clashOf(option, declared);
    if (clash === undefined) declared.set(option.name, option);
    else if (option.at !== undefined) {
      problems.push(problemAt(option.at.source, option.at.path, clash, { part: 'key' }));
    }
  }
  return declared;
}

function clashOf({ name }: DeclaredOption, declared: ReadonlyMap<string, DeclaredOption>): string | undefined {
  const same = declared.get(name);
  if (same !== undefined) return `option "${name}" is already declared by collection "${same.collection}"`;
  const plain = wordsOf(name);
  for (const other of declared.keys()) {
    if (other.startsWith(`${name}.`) || name.startsWith(`${other}.`)) {
      return `option "${name}" and "${other}" cannot both be: one name would be an option and a group`;
    }
    if (wordsOf(other) === plain && optionEnvName(other) === optionEnvName(name)) {
      return `option "${name}" and "${other}" are both ${optionEnvName(name)} in hooks`;
    }
  }
  return undefined;
}

/** Names that are different without separators have different variables, too; asking this first is much faster. */
function wordsOf(name: string): string {
  return name.replaceAll(/[.-]/g, '').toLowerCase();
}

/** Merges values: declared defaults, then the layers in order, then `--set` arguments. */
export function mergeOptions(
  table: OptionTable,
  layers: readonly OptionLayer[],
  sets: readonly string[],
  input: Pick<ResolveInput, 'cwd' | 'readText'>,
  problems: Problem[],
): MergedOptions {
  const values: Record<string, OptionValue> = {};
  const secrets: Record<string, SecretSource> = {};
  const origins = new Map<string, string>();
  let literalSecrets = false;
  for (const { name, declaration } of table.declared.values()) {
    if (declaration !== undefined && declaration.type !== 'secret') values[name] = defaultValue(declaration);
  }
  const assign = ({ option, ...given }: Assignment, label: string): void => {
    const { name, declaration } = option;
    // Options of collections that are not part of the profile have been checked, and that is all.
    if (!table.declared.has(name)) return;
    const before = origins.get(name);
    const adds = declaration !== undefined && 'accumulate' in declaration && declaration.accumulate === true;
    if ('secret' in given) secrets[name] = given.secret;
    else values[name] = adds ? append(values[name], given.value) : given.value;
    origins.set(name, adds && before !== undefined && before !== label ? `${before}, ${label}` : label);
  };
  for (const layer of layers) {
    for (const entry of layerEntries(table, layer, problems)) {
      const assignment = checkEntry(entry, layer, input.readText, problems);
      if (assignment === undefined) continue;
      if ('secret' in assignment && 'value' in assignment.secret) literalSecrets = true;
      assign(assignment, layer.label);
    }
  }
  for (const text of sets) {
    const assignment = readSet(table, text, { directory: input.cwd, readText: input.readText }, problems);
    if (assignment !== undefined) assign(assignment, '--set');
  }
  return { values, secrets, origins, literalSecrets };
}

function checkEntry(
  { option, at }: Entry,
  layer: OptionLayer,
  readText: ResolveInput['readText'],
  problems: Problem[],
): Assignment | undefined {
  const { declaration } = option;
  if (declaration === undefined) return undefined;
  if (declaration.type === 'secret') {
    const secret = readSecretSource(at, layer.directory, problems);
    return secret === undefined ? undefined : { option, secret };
  }
  const checked = finishValue(option.name, checkValue(declaration, at.value), { directory: layer.directory, readText });
  if (checked.ok) return { option, value: checked.value };
  for (const { path, message, hint } of checked.faults) {
    problems.push(problemAt(at.source, [...at.path, ...path], message, hint === undefined ? {} : { hint }));
  }
  return undefined;
}

function append(before: OptionValue | undefined, value: OptionValue): OptionValue {
  const isList = (some: OptionValue | undefined): some is OptionValue & object => typeof some === 'object';
  // Only lists and records accumulate, and both values are of the same declaration.
  return isList(before) && isList(value) ? ([...before, ...value] as OptionValue) : value;
}
