import type { CollectionFile, Refusal } from './collection.js';
import { evaluate, parseTerm, type Term } from './conditions.js';
import { CORE_REFUSALS } from './core-options.js';
import { problemAt, valueAt, type Path, type Source } from './document.js';
import type { Problem } from '../errors.js';
import { isDiskCondition } from './layout-uses.js';
import type { ResolveInput } from './resolve-input.js';
import type { OptionLayer } from './resolve-layers.js';
import type { MergedOptions } from './resolve-options.js';
import { placeOf, strength } from './resolve-places.js';
import type { OptionValue } from './types.js';

type Rule = Pick<Refusal, 'because' | 'hint'> & { readonly terms: readonly Term[] };

/**
 * What collections refuse of a profile, and imgbuild itself: each a problem at the value that stands for it.
 *
 * @param lookup values of what conditions may name.
 * @param layers where options get values, the weakest first.
 */
export function checkRefusals(
  collections: readonly CollectionFile[],
  { profile }: Pick<ResolveInput, 'profile'>,
  lookup: (name: string) => OptionValue | undefined,
  options: Pick<MergedOptions, 'origins'>,
  layers: readonly OptionLayer[],
): Problem[] {
  const rules: readonly Rule[] = [
    ...CORE_REFUSALS.map(({ when, ...rest }) => ({ ...rest, terms: when.flatMap((text) => parseTerm(text) ?? []) })),
    ...collections.flatMap(({ refuse }) =>
      refuse.map(({ terms, ...rest }) => ({ ...rest, terms: terms.map(({ value }) => value) })),
    ),
  ];
  return rules.flatMap(({ terms, because, hint }) => {
    if (!evaluate(terms, lookup)) return [];
    const names = terms.map(({ name }) => (isDiskCondition(name) ? 'disk.firmware' : name));
    // Whoever was given last is the one that does not fit.
    const [last = ''] = names.toSorted((a, b) => strength(b, options, layers) - strength(a, options, layers));
    const { source, path } = placeOf(last, options, layers) ?? collectionsOf(profile);
    return [problemAt(source, path, because, hint === undefined ? {} : { hint })];
  });
}

/** Where a profile says what it consists of: one of these asks for what nobody has given. */
function collectionsOf(profile: ResolveInput['profile']): { readonly source: Source; readonly path: Path } {
  const file = profile.findLast(({ source }) => valueAt(source, ['collections']) !== undefined) ?? profile.at(-1);
  if (file === undefined) throw new Error('a profile has at least one file');
  return { source: file.source, path: ['collections'] };
}
