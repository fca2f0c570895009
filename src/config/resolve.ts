import { checkArchitecture } from './resolve-architecture.js';
import { namedPackages, type CollectionFile } from './collection.js';
import type { Problem } from '../errors.js';
import { checkAccounts } from './resolve-accounts.js';
import { checkTerm, gatherCollections } from './resolve-collections.js';
import { isDiskCondition, storageUses } from './layout-uses.js';
import { scanHook } from './resolve-hooks.js';
import type { ConfigFile, Resolution, ResolveInput } from './resolve-input.js';
import type { OptionLayer, OptionTable } from './resolve-layers.js';
import { mergeOptions, type MergedOptions } from './resolve-options.js';
import { mergePackages } from './resolve-packages.js';
import { readProfile } from './resolve-profile.js';
import { checkRefusals } from './resolve-refusals.js';
import { resolveOutputs } from './resolve-outputs.js';
import { allSecrets, resolveStorage, seedOf } from './resolve-storage.js';
import { PHASES, type Hook, type OptionValue, type ResolvedCollection } from './types.js';

/**
 * Works out what a profile means. Pure: whatever has to be read is asked from `input`. Everything that is wrong is
 * added to `problems`; the result is of use only when nothing was.
 */
export function resolve(input: ResolveInput, problems: Problem[]): Resolution {
  const facts = readProfile(input, problems);
  const { collections, table } = gatherCollections(input, facts.collections, problems);
  const layers = optionLayers(input, collections);
  const options = mergeOptions(table, layers, input.sets, input, problems);
  checkAccounts(options, layers, problems);
  const terms = collections.flatMap(({ conditional, refuse }) =>
    [...conditional, ...refuse].flatMap((entry) => entry.terms),
  );
  for (const term of terms) checkTerm(term, table, problems);
  const storage = resolveStorage(input.profile, options.values, options.secrets, problems);
  checkArchitecture(input, facts, { collections, storage }, problems);
  const secrets = allSecrets(input.profile, storage, options.secrets, problems);
  const uses = storageUses(storage);
  // What the profile's neighbours have: its problems are those of the whole, and told once.
  const usual = mergeOptions(table, layers.slice(0, layers.length - input.profile.length), [], input, []);
  const lookupIn =
    ({ values, secrets: given }: Pick<MergedOptions, 'values' | 'secrets'>) =>
    (name: string): OptionValue | undefined => {
      if (isDiskCondition(name)) return uses.has(name);
      if (name === 'suite' || name === 'architecture') return facts[name];
      return name in given ? true : values[name];
    };
  // What is missing may be what is asked for.
  if (!table.incomplete) problems.push(...checkRefusals(collections, input, lookupIn(options), options, layers));
  return {
    config: {
      profile: input.name,
      suite: facts.suite,
      architecture: facts.architecture,
      collections: collections.flatMap((collection) => resolveCollection(input, collection, table, problems)),
      options: sortKeys(options.values),
      secrets: sortKeys(secrets),
      packages: mergePackages(collections, facts.packages, lookupIn(options), lookupIn(usual)),
      ...(facts.maxSize === undefined ? {} : { maxSize: { bytes: facts.maxSize, brings: broughtBy(collections) } }),
      outputs: resolveOutputs(
        input,
        { own: facts.outputs, architecture: facts.architecture },
        collections,
        storage,
        problems,
      ),
      ...(storage === undefined ? {} : { storage }),
      seed: seedOf(input, options.values),
      roots: input.roots,
    },
    origins: options.origins,
    declared: table.declared,
    order: table.order,
    literalSecrets: options.literalSecrets || Object.values(secrets).some((secret) => 'value' in secret),
  };
}

/** Packages that collections name, without versions and the like. */
function broughtBy(collections: readonly CollectionFile[]): Record<string, string[]> {
  return Object.fromEntries(
    collections.flatMap((collection): [string, string[]][] => {
      const names = namedPackages(collection);
      return names.length === 0 ? [] : [[collection.name, names]];
    }),
  );
}

/** Where options get values, the weakest first. */
function optionLayers(input: ResolveInput, collections: readonly CollectionFile[]): OptionLayer[] {
  const ofFile = (file: ConfigFile, lenient: boolean): OptionLayer => ({
    label: file.source.file,
    source: file.source,
    path: ['options'],
    directory: file.directory,
    lenient,
  });
  return [
    ...collections
      .filter(({ bundle }) => !bundle)
      .map(({ name, source }) => ({
        label: `collection ${name}`,
        source,
        path: ['set'],
        directory: input.directory(name) ?? input.cwd,
        lenient: true,
        collection: name,
      })),
    ...(input.site === undefined ? [] : [ofFile(input.site, true)]),
    ...input.profile.map((file) => ofFile(file, false)),
  ];
}

function resolveCollection(
  input: ResolveInput,
  collection: CollectionFile,
  table: OptionTable,
  problems: Problem[],
): ResolvedCollection[] {
  const content = input.content(collection);
  problems.push(...content.problems);
  if (collection.bundle) return [];
  const hooks = content.hooks.map((hook): Hook => {
    const { phase, name, file, sha256 } = hook;
    const base = { collection: collection.name, phase, name, file, sha256, ...scanHook(hook, table, problems) };
    const { files, filesDigest } = content;
    // Like options: a script depends on what it mentions, and a change of the others' files is none of it.
    return files === undefined || !/\bFILES\b/.test(hook.text)
      ? { ...base, filesDigest: '' }
      : { ...base, files, filesDigest };
  });
  hooks.sort((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase) || compare(a.name, b.name));
  return [{ name: collection.name, description: collection.description, hooks, overlays: content.overlays }];
}

function sortKeys<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => compare(a, b)));
}

/** Order by code unit, which unlike localeCompare is the same on every machine. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
