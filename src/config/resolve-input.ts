import type { CollectionFile, DeclaredOption } from './collection.js';
import type { CollectionContent } from './content.js';
import type { Source } from './document.js';
import type { BuildConfig } from './types.js';

/** A profile or a site's defaults, read. */
export interface ConfigFile {
  readonly source: Source;
  /** Where the file lies: relative paths in it start here. */
  readonly directory: string;
}

/** Everything that a profile's meaning follows from. */
export interface ResolveInput {
  readonly name: string;
  /** The profile's file last, what it extends before it; never empty. */
  readonly profile: readonly ConfigFile[];
  readonly site: ConfigFile | undefined;
  /** `name=text` arguments. */
  readonly sets: readonly string[];
  /** Formats asked for instead of those of the profile; empty for these. */
  readonly formats: readonly string[];
  /** Fresh for each build; what identities come from when they are to be new. */
  readonly random: string;
  readonly cwd: string;
  readonly roots: Readonly<Record<string, string>>;
  readonly collection: (name: string) => CollectionFile | undefined;
  readonly content: (collection: CollectionFile) => CollectionContent;
  /** Where a collection lies; relative paths in its file start here. */
  readonly directory: (collection: string) => string | undefined;
  /** The text of a file that a value names; throws when it cannot be read. */
  readonly readText: (file: string) => string;
  /** All collections there are; reading them takes time, so it is done only to explain what is wrong. */
  readonly all: () => readonly CollectionFile[];
}

export interface Resolution {
  readonly config: BuildConfig;
  /** Who gave options their values; absent for declared defaults. */
  readonly origins: ReadonlyMap<string, string>;
  readonly declared: ReadonlyMap<string, DeclaredOption>;
  /** Names of all collections, bundles too, in their order. */
  readonly order: readonly string[];
  /** A secret stands in a file itself. */
  readonly literalSecrets: boolean;
}
