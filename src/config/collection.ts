import { ARCHITECTURES } from './architectures.js';
import type { z } from 'zod';

import { parseTerm, type Term } from './conditions.js';
import { OPTION_NAME, OptionDeclaration } from './declarations.js';
import {
  entriesAt,
  isMapping,
  problemAt,
  stringsAt,
  valueAt,
  type Located,
  type Path,
  type Source,
} from './document.js';
import type { Problem } from '../errors.js';
import { schemaProblems } from './problems.js';
import { Collection, packageNameFault, Permission, Refusal as RefusalEntry } from './schema.js';

/** An option as a collection declares it; without a declaration when what is written there makes no sense. */
export interface DeclaredOption {
  readonly name: string;
  readonly declaration: OptionDeclaration | undefined;
  readonly collection: string;
  /** Where it is declared; undefined for options of imgbuild itself. */
  readonly at: { readonly source: Source; readonly path: Path } | undefined;
}

/** Packages that come when all terms hold. */
export interface ConditionalPackages {
  readonly terms: readonly Located<Term>[];
  readonly packages: readonly Located<string>[];
}

/** What a collection cannot work with: all terms hold. */
export interface Refusal {
  readonly terms: readonly Located<Term>[];
  /** A clause that says what is wrong. */
  readonly because: string;
  readonly hint?: string;
}

/** A collection as its `collection.yaml` and `packages.list` tell. */
export interface CollectionFile {
  readonly name: string;
  readonly source: Source;
  readonly description: string;
  readonly bundle: boolean;
  readonly requires: readonly Located<string>[];
  readonly wants: readonly Located<string>[];
  readonly after: readonly Located<string>[];
  readonly late: boolean;
  /** Debian's names of the machines that it is for; empty for all. */
  readonly architectures: readonly string[];
  readonly options: readonly DeclaredOption[];
  /** Formats of profiles that name none. */
  readonly outputs: readonly string[];
  readonly packages: readonly Located<string>[];
  readonly conditional: readonly ConditionalPackages[];
  readonly refuse: readonly Refusal[];
  readonly permissions: readonly Located<Permission>[];
  /** What is wrong with it on its own, whichever profile uses it. */
  readonly problems: readonly Problem[];
}

/** Keys of a collection.yaml that a bundle cannot have: it is gone once its members are known. */
const CONTENT_KEYS = ['options', 'set', 'outputs', 'packages', 'conditional', 'refuse', 'permissions'] as const;

/** Reads what a collection says about itself; `listed` are the lines of its packages.list. */
export function readCollection(
  name: string,
  source: Source,
  listed: readonly Located<string>[],
  syntax: readonly Problem[],
): CollectionFile {
  const problems = [...syntax, ...schemaProblems(source, Collection)];
  for (const { value, source: list, path } of listed) {
    const fault = packageNameFault(value);
    if (fault !== undefined) problems.push(problemAt(list, path, fault));
  }
  const after = stringsAt(source, ['after']);
  const bundle = valueAt(source, ['bundle']) === true;
  if (bundle) {
    for (const key of CONTENT_KEYS) {
      if (valueAt(source, [key]) === undefined) continue;
      problems.push(problemAt(source, [key], `a bundle has no ${key} of its own`, { part: 'key' }));
    }
  }
  const description = valueAt(source, ['description']);
  return {
    name,
    source,
    description: typeof description === 'string' ? description : '',
    bundle,
    requires: stringsAt(source, ['requires']),
    wants: stringsAt(source, ['wants']),
    after: after.filter((entry) => entry.value !== '*'),
    late: valueAt(source, ['after']) === '*',
    architectures: ARCHITECTURES.filter((name) =>
      stringsAt(source, ['architectures']).some(({ value }) => value === name),
    ),
    options: readOptions(name, source, problems),
    outputs: stringsAt(source, ['outputs']).map((entry) => entry.value),
    packages: [...stringsAt(source, ['packages']), ...listed],
    conditional: listAt(source, ['conditional']).map(({ value, path }) => ({
      terms: readTerms(source, path, value, problems),
      packages: stringsAt(source, [...path, 'packages']),
    })),
    refuse: listAt(source, ['refuse']).flatMap(({ value, path }) => {
      const given = asChecked(source, RefusalEntry, value);
      if (given === undefined) return [];
      const { when, because, hint } = given;
      const terms = readTerms(source, path, value, problems);
      // Without one of them it would refuse what it is not about.
      if (terms.length < [when].flat().length) return [];
      return [{ terms, because, ...(hint === undefined ? {} : { hint }) }];
    }),
    permissions: listAt(source, ['permissions']).flatMap(({ value, path }) => {
      const permission = asChecked(source, Permission, value);
      return permission === undefined ? [] : [{ value: permission, source, path }];
    }),
    problems,
  };
}

/** A value of the schema's type, or undefined. What was found good before is not checked again: it is as it was. */
function asChecked<T>(source: Source, schema: () => z.ZodType<T>, value: unknown): T | undefined {
  return source.checked ? (value as T) : schema().safeParse(value).data;
}

function readOptions(collection: string, source: Source, problems: Problem[]): DeclaredOption[] {
  return entriesAt(source, ['options']).map(({ key, value, path }) => {
    if (!OPTION_NAME.test(key)) {
      const message = `"${key}" is not a name for an option: dotted camelCase words are`;
      problems.push(problemAt(source, path, message, { part: 'key' }));
    }
    return { name: key, declaration: asChecked(source, OptionDeclaration, value), collection, at: { source, path } };
  });
}

/** The terms of an entry's `when`; what is none is a problem. */
function readTerms(source: Source, path: Path, entry: unknown, problems: Problem[]): Located<Term>[] {
  const whenPath = [...path, 'when'];
  const when = isMapping(entry) ? entry['when'] : undefined;
  const texts: readonly Located<string>[] =
    typeof when === 'string' ? [{ value: when, source, path: whenPath }] : stringsAt(source, whenPath);
  return texts.flatMap((text) => {
    const term = parseTerm(text.value);
    if (term !== undefined) return [{ ...text, value: term }];
    const message = `${JSON.stringify(text.value)} is not a condition: name, !name, name=v1|v2 or !name=v is`;
    problems.push(problemAt(source, text.path, message));
    return [];
  });
}

function listAt(source: Source, path: Path): Located<unknown>[] {
  const list = valueAt(source, path);
  return Array.isArray(list) ? list.map((value: unknown, index) => ({ value, source, path: [...path, index] })) : [];
}

/** Packages that a collection names, whatever the conditions, without architectures, versions and releases. */
export function namedPackages({ packages, conditional }: Pick<CollectionFile, 'packages' | 'conditional'>): string[] {
  const listed = [...packages, ...conditional.flatMap((entry) => entry.packages)];
  return listed.map(({ value }) => value.replace(/[:=/].*$/, '')).filter((name) => !name.startsWith('-'));
}
