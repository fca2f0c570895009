import { CORE_OPTIONS } from '../config/core-options.js';
import type { OptionDeclaration } from '../config/declarations.js';
import { defaultValue, parseText } from '../config/options.js';
import { nearest } from '../config/suggest.js';
import type { OptionValue } from '../config/types.js';
import { UserError } from '../errors.js';
import type { DiskFormat } from '../config/formats.js';
import { FORMATS } from '../output/table.js';

/** Describes the machine as well, and is no option of any format: the image decides. */
const SECURE_BOOT = 'boot.secureBoot';

/**
 * Values of the options that matter for these formats.
 *
 * @param sets as `--set` takes them.
 * @throws UserError for what is no such option, or no value for it.
 */
export function convertOptions(
  formats: readonly DiskFormat[],
  sets: readonly string[],
): Readonly<Record<string, OptionValue>> {
  const declared: Readonly<Record<string, OptionDeclaration>> = CORE_OPTIONS;
  const names = new Set<string>(formats.flatMap((format) => FORMATS[format].options));
  if (formats.includes('ova')) names.add(SECURE_BOOT);
  const values: Record<string, OptionValue> = {};
  for (const name of names) {
    const declaration = declared[name];
    if (declaration !== undefined && declaration.type !== 'secret') values[name] = defaultValue(declaration);
  }
  for (const set of sets) {
    const [, name = '', text = ''] = /^([^=]*)=(.*)$/s.exec(set) ?? [];
    if (name === '') throw new UserError(`--set ${set}: expected name=value`);
    const declaration = names.has(name) ? declared[name] : undefined;
    if (declaration === undefined || declaration.type === 'secret') {
      const near = nearest(name, [...names]);
      throw new UserError(`${formats.join(' and ')} ${formats.length === 1 ? 'has' : 'have'} no option ${name}`, {
        hint: near === undefined ? `there are ${[...names].sort().join(', ') || 'none'}` : `did you mean ${near}?`,
      });
    }
    const checked = parseText(declaration, text);
    if (!checked.ok) throw new UserError(`--set ${name}: ${checked.faults.map(({ message }) => message).join('; ')}`);
    values[name] = checked.value;
  }
  return values;
}
