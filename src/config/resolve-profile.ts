import { problemAt, stringsAt, valueAt, type Located } from './document.js';
import type { Problem } from '../errors.js';
import { schemaProblems } from './problems.js';
import type { ConfigFile, ResolveInput } from './resolve-input.js';
import { parseSize } from '../units.js';
import { Defaults, Profile, REQUIRED_IN_PROFILE } from './schema.js';

/** What a profile says apart from options. */
export interface ProfileFacts {
  readonly suite: string;
  readonly architecture: string;
  /** Empty when it does not say. */
  readonly outputs: readonly string[];
  /** Bytes; undefined when there is no limit. */
  readonly maxSize: number | undefined;
  readonly collections: readonly Located<string>[];
  /** Packages of the site, then of the files that are extended, then of the profile. */
  readonly packages: readonly (readonly Located<string>[])[];
}

/** Checks the files of a profile on their own and reads what they say; the last file wins where only one can. */
export function readProfile(input: ResolveInput, problems: Problem[]): ProfileFacts {
  for (const { source } of input.profile) problems.push(...schemaProblems(source, Profile));
  if (input.site !== undefined) problems.push(...schemaProblems(input.site.source, Defaults));
  const named = input.profile.at(-1);
  if (named !== undefined) {
    for (const key of REQUIRED_IN_PROFILE) {
      if (last(input.profile, key) === undefined) problems.push(problemAt(named.source, [], `missing key "${key}"`));
    }
  }
  const files = input.site === undefined ? input.profile : [input.site, ...input.profile];
  const outputs = input.profile.map(({ source }) => stringsAt(source, ['outputs'])).findLast((list) => list.length > 0);
  return {
    suite: text(last(input.profile, 'suite')),
    architecture: text(last(input.profile, 'architecture')),
    outputs: [...new Set((outputs ?? []).map((entry) => entry.value))],
    maxSize: parseSize(text(last(input.profile, 'maxSize'))),
    collections: input.profile.flatMap(({ source }) => stringsAt(source, ['collections'])),
    packages: files.map(({ source }) => stringsAt(source, ['packages'])),
  };
}

function last(files: readonly ConfigFile[], key: string): unknown {
  return files.map(({ source }) => valueAt(source, [key])).findLast((value) => value !== undefined);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
