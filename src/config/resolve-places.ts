import type { Path, Source } from './document.js';
import { optionPlace } from './layout-ready-check.js';
import type { OptionLayer } from './resolve-layers.js';
import type { MergedOptions } from './resolve-options.js';
import { argumentSource } from './resolve-sets.js';

/** Position of the strongest that gives an option its value, after all layers for an argument; -1 for declared defaults. */
export function strength(
  option: string,
  { origins }: Pick<MergedOptions, 'origins'>,
  layers: readonly OptionLayer[],
): number {
  if (origins.get(option) === '--set') return layers.length;
  return layers.findLastIndex((layer) => optionPlace(layer.source, option, layer.path) !== undefined);
}

/** Where the strongest gives an option its value; undefined for declared defaults. */
export function placeOf(
  option: string,
  options: Pick<MergedOptions, 'origins'>,
  layers: readonly OptionLayer[],
): { readonly source: Source; readonly path: Path } | undefined {
  const at = strength(option, options, layers);
  if (at < 0) return undefined;
  const layer = layers[at];
  if (layer === undefined) return { source: argumentSource(option), path: [] };
  return { source: layer.source, path: optionPlace(layer.source, option, layer.path) ?? layer.path };
}
