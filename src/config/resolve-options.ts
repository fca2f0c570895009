import { CORE, CORE_OPTIONS } from './core-options.js';
import type { CollectionFile, DeclaredOption } from './collection.js';
import { problemAt } from './document.js';
import type { Problem } from '../errors.js';
import { checkValue, defaultValue, optionEnvName } from './options.js';
import { layerEntries, type OptionLayer, type OptionTable } from './resolve-layers.js';
import { readSecretSource, readSet } from './resolve-sets.js';
import type { OptionValue, SecretSource } from './types.js';

export interface MergedOptions {
  readonly values: Readonly<Record<string, OptionValue>>;
  readonly secrets: Readonly<Record<string, SecretSource>>;
  /** Labels of the layers that gave each option its value; absent for declared defaults. */
  readonly origins: ReadonlyMap<string, string>;
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
  const variables = new Map<string, string>();
  for (const option of [...coreOptions(), ...collections.flatMap((collection) => collection.options)]) {
    const { name, at } = option;
    const before = declared.get(name);
    const variable = optionEnvName(name);
    const group = [...declared.keys()].find((other) => other.startsWith(`${name}.`) || name.startsWith(`${other}.`));
    if (before !== undefined) clash(`option "${name}" is already declared by collection "${before.collection}"`);
    else if (variables.has(variable))
      clash(`option "${name}" and "${variables.get(variable) ?? ''}" are both ${variable} in hooks`);
    else if (group !== undefined)
      clash(`option "${name}" and "${group}" cannot both be: one name would be an option and a group`);
    else declared.set(name, option);
    variables.set(variable, name);

    function clash(message: string): void {
      if (at !== undefined) problems.push(problemAt(at.source, at.path, message, { part: 'key' }));
    }
  }
  return declared;
}

/** Merges values: declared defaults, then the layers in order, then `--set` arguments. */
export function mergeOptions(
  table: OptionTable,
  layers: readonly OptionLayer[],
  sets: readonly string[],
  cwd: string,
  problems: Problem[],
): MergedOptions {
  const values: Record<string, OptionValue> = {};
  const secrets: Record<string, SecretSource> = {};
  const origins = new Map<string, string>();
  for (const { name, declaration } of table.declared.values()) {
    if (declaration !== undefined && declaration.type !== 'secret') values[name] = defaultValue(declaration);
  }
  const assign = (option: DeclaredOption, value: OptionValue, label: string): void => {
    const { name, declaration } = option;
    const accumulates = declaration !== undefined && 'accumulate' in declaration && declaration.accumulate === true;
    values[name] = accumulates ? append(values[name], value) : value;
    const origin = origins.get(name);
    origins.set(name, accumulates && origin !== undefined && origin !== label ? `${origin}, ${label}` : label);
  };
  for (const layer of layers) {
    for (const { option, at } of layerEntries(table, layer, problems)) {
      const { declaration, name } = option;
      if (declaration === undefined) continue;
      if (declaration.type === 'secret') {
        const secret = readSecretSource(at, layer.directory, problems);
        if (secret === undefined || !table.declared.has(name)) continue;
        secrets[name] = secret;
        origins.set(name, layer.label);
        continue;
      }
      const checked = checkValue(declaration, at.value);
      if (checked.ok) {
        if (table.declared.has(name)) assign(option, checked.value, layer.label);
        continue;
      }
      for (const fault of checked.faults) {
        const path = [...at.path, ...fault.path];
        problems.push(problemAt(at.source, path, fault.message, fault.hint === undefined ? {} : { hint: fault.hint }));
      }
    }
  }
  for (const text of sets) {
    const set = readSet(table, text, cwd, problems);
    if (set === undefined) continue;
    if ('secret' in set) {
      secrets[set.option.name] = set.secret;
      origins.set(set.option.name, '--set');
    } else {
      assign(set.option, set.value, '--set');
    }
  }
  return { values, secrets, origins };
}

function append(before: OptionValue | undefined, value: OptionValue): OptionValue {
  const isList = (some: OptionValue | undefined): some is OptionValue & object => typeof some === 'object';
  // Only lists and records accumulate, and both values are of the same declaration.
  return isList(before) && isList(value) ? ([...before, ...value] as OptionValue) : value;
}
