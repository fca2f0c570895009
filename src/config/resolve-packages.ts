import type { CollectionFile, ConditionalPackages } from './collection.js';
import { evaluate } from './conditions.js';
import type { Located } from './document.js';
import type { BuildConfig, OptionValue } from './types.js';

/** Package names without what apt takes behind them, so that `-vim` removes `vim=2:9.1` and `vim/trixie-backports`. */
function bareName(name: string): string {
  return name.replace(/[=/].*$/, '');
}

type Lookup = (name: string) => OptionValue | undefined;

/**
 * Brings the packages of all collections, then of the site and the profile, into the two layers. A leading `-`
 * takes out what was added before; a collection that comes later may add it again.
 *
 * What only one platform's images have (a hypervisor's agent) is not shared: images of a suite for several platforms
 * then have one base. A collection for a platform is one that decides on formats.
 *
 * Conditions of a machine hold for the suite's other machines, too, as a rule (its kernel, GRUB, tools of its file
 * systems), and installing them takes most of a build's time: shared. Those of a container are, when they hold without
 * what its own profile says.
 *
 * @param usual the options' values without the profile: by declaration, collections and site.
 */
export function mergePackages(
  collections: readonly CollectionFile[],
  later: readonly (readonly Located<string>[])[],
  lookup: Lookup,
  usual: Lookup,
): BuildConfig['packages'] {
  const wanted = new Map<string, { name: string; layer: 'shared' | 'extra' }>();
  const apply = (list: readonly Located<string>[], layer: 'shared' | 'extra'): void => {
    for (const { value } of list) {
      if (value.startsWith('-')) {
        wanted.delete(bareName(value.slice(1)));
        continue;
      }
      const before = wanted.get(bareName(value));
      // What any collection always has stays in the layer that profiles share.
      wanted.set(bareName(value), { name: value, layer: before?.layer === 'shared' ? 'shared' : layer });
    }
  };
  const holds = ({ terms }: ConditionalPackages, values: Lookup): boolean =>
    evaluate(
      terms.map((term) => term.value),
      values,
    );
  const machine = Boolean(lookup('disk'));
  for (const collection of collections) {
    const own = collection.outputs.length > 0;
    apply(collection.packages, own ? 'extra' : 'shared');
    for (const entry of collection.conditional) {
      if (!holds(entry, lookup)) continue;
      apply(entry.packages, !own && (machine || holds(entry, usual)) ? 'shared' : 'extra');
    }
  }
  for (const list of later) apply(list, 'extra');
  const layer = (name: 'shared' | 'extra'): string[] =>
    [...wanted.values()]
      .filter((entry) => entry.layer === name)
      .map((entry) => entry.name)
      .sort();
  return { shared: layer('shared'), extra: layer('extra') };
}
