import type { OptionValue } from './types.js';

/** One part of a condition: `name`, `!name`, `name=v1|v2`, `!name=v`. */
export interface Term {
  readonly name: string;
  readonly negated: boolean;
  /** Values of which one must be the option's; undefined asks only whether the option is set to something. */
  readonly values: readonly string[] | undefined;
}

/** Reads a term of a condition; undefined when it is none. */
export function parseTerm(text: string): Term | undefined {
  const match = /^(!?)\s*([A-Za-z][A-Za-z0-9.:-]*)\s*(?:=(.*))?$/su.exec(text.trim());
  if (match === null) return undefined;
  const [, not, name = '', list] = match;
  const values = list?.split('|').map((value) => value.trim());
  return { name, negated: not === '!', values };
}

/** Do all terms hold? A name without a value does not (an option of a collection that is not part of the profile). */
export function evaluate(terms: readonly Term[], lookup: (name: string) => OptionValue | undefined): boolean {
  return terms.every((term) => holds(term, lookup(term.name)) !== term.negated);
}

function holds(term: Term, value: OptionValue | undefined): boolean {
  if (value === undefined) return false;
  if (term.values === undefined) return Array.isArray(value) ? value.length > 0 : Boolean(value);
  if (typeof value !== 'object') return term.values.includes(String(value));
  return value.some((item) => typeof item === 'string' && term.values?.includes(item) === true);
}
