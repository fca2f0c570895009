import type { Storage } from './layout.js';

/** The mmdebstrap phases that collections hook into, in the order in which they run. */
export const PHASES = ['setup', 'extract', 'essential', 'customize'] as const;
export type Phase = (typeof PHASES)[number];

/** Value of an option that is not secret; `records` options hold a list of plain objects. */
export type OptionValue =
  boolean | number | string | readonly string[] | readonly Readonly<Record<string, string | readonly string[]>>[];

/** What the names of secrets begin with that belong to disks and are none of the hooks' business. */
export const DISK_SECRET = 'disk.';

/** Where a secret comes from. The value itself is read only when a build starts (config/secrets.ts). */
export type SecretSource =
  { readonly value: string } | { readonly env: string } | { readonly file: string } | { readonly command: string };

/**
 * A file of the user or of the product, named by the source root it lies in, so that a plan means the
 * same on the host and inside the builder, where the roots are mounted elsewhere.
 */
export interface FileRef {
  readonly root: string;
  readonly path: string;
}

/** A hook script and all that it may depend on. */
export interface Hook {
  readonly collection: string;
  readonly phase: Phase;
  /** File name, `NN-what.sh`; hooks of a phase run by number, then collection order, then name. */
  readonly name: string;
  readonly file: FileRef;
  /** Over the script and the functions of the library (lib.sh) that it can reach. */
  readonly sha256: string;
  /** Options whose environment variable the script mentions: the only ones it is given. */
  readonly options: readonly string[];
  /** Variables about the disk (DISK_…) that the script mentions. */
  readonly disk: readonly string[];
  /** Secrets that the script asks for by name with `secret NAME`. */
  readonly secrets: readonly string[];
  /** The collection's `files/` directory, when there is one and the script mentions $FILES. */
  readonly files?: FileRef;
  /** Digest over the content of `files/`, or '' without it. */
  readonly filesDigest: string;
}

export interface OverlayEntry {
  /** Path in the image, without a leading slash. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Octal permissions that the entry gets (0o644, 0o755 …). */
  readonly mode: number;
  /** `uid:gid`, numeric or names of the target; root when absent. */
  readonly owner?: string;
  readonly sha256?: string;
  readonly target?: string;
  readonly source?: FileRef;
}

/** Files that a collection lays over the image before its hooks of the same phase run. */
export interface Overlay {
  readonly collection: string;
  readonly phase: Phase;
  readonly entries: readonly OverlayEntry[];
}

/** A collection after resolution, in dependency order; bundles are gone. */
export interface ResolvedCollection {
  readonly name: string;
  readonly description: string;
  readonly hooks: readonly Hook[];
  readonly overlays: readonly Overlay[];
}

/** How large an image may become. */
export interface SizeLimit {
  /** Of all files of the tree, each content once, before any compression. */
  readonly bytes: number;
  /** Packages that collections name, whatever the conditions: who is to answer for what has grown. */
  readonly brings: Readonly<Record<string, readonly string[]>>;
}

/** What a profile means, with nothing left to look up: the input of planning. Plain data. */
export interface BuildConfig {
  readonly profile: string;
  readonly suite: string;
  readonly architecture: string;
  readonly collections: readonly ResolvedCollection[];
  /** Every declared option (except secrets) with its final value; keys are dotted names. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Secrets that have been given a source. */
  readonly secrets: Readonly<Record<string, SecretSource>>;
  readonly packages: {
    /** Packages that collections name unconditionally: the layer that profiles of a suite share. */
    readonly shared: readonly string[];
    /** What conditions and the profile add. Both lists are sorted and disjoint. */
    readonly extra: readonly string[];
  };
  /** Names of formats in the output table, e.g. `tar.zst`. */
  readonly outputs: readonly string[];
  /** How large the image may become; undefined: as large as it likes. */
  readonly maxSize?: SizeLimit;
  /** The disks of a machine; containers have none. */
  readonly storage?: Storage;
  /** What the identities of the disks come from. */
  readonly seed: string;
  /** Absolute directories behind the `root` of every FileRef. */
  readonly roots: Readonly<Record<string, string>>;
}
