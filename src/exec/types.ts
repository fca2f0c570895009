import type { BuildPlan } from '../plan/types.js';

/** What the launcher sends to the builder on standard input; carries secrets, so it is never logged or stored. */
export interface BuildRequest {
  readonly builds: readonly {
    readonly plan: BuildPlan;
    /** Directories inside the builder behind the `root` of every FileRef of the plan. */
    readonly roots: Readonly<Record<string, string>>;
    /** Values of secrets by option name. */
    readonly secrets: Readonly<Record<string, string>>;
  }[];
  readonly settings: BuildSettings;
}

export interface BuildSettings {
  /** Directories inside the builder. */
  readonly cacheDir: string;
  readonly outputDir: string;
  readonly workDir: string;
  /** How many dated outputs of a profile are kept; 0 keeps all. */
  readonly keep: number;
  readonly nameStyle: 'imgbuild' | 'proxmox';
  /** Proxy for apt during the build only; '' for none. */
  readonly aptProxy: string;
  /** Use the archive as it was last seen and never ask the network. */
  readonly offline: boolean;
  /** Seconds since the epoch that clamp every time in the image; undefined: the time of the newest package. */
  readonly sourceDateEpoch?: number;
  /** Digest of the recipe that the builder was made from. */
  readonly builderDigest: string;
  /** Ignore the stage cache and build everything again. */
  readonly force: boolean;
  /** Without the quicker stand-ins for tools of maintainer scripts: the same image, later. */
  readonly plain: boolean;
}

/** What the builder reports, one JSON document a line. */
export type BuildEvent =
  | {
      readonly type: 'stage';
      readonly profile: string;
      readonly stage: string;
      readonly state: 'start' | 'hit' | 'done';
      readonly seconds?: number;
      readonly why?: string;
    }
  | {
      readonly type: 'step';
      readonly profile: string;
      readonly stage: string;
      readonly n: number;
      readonly total: number;
      readonly title: string;
    }
  | { readonly type: 'progress'; readonly profile: string; readonly text: string; readonly transfer?: Transfer }
  | { readonly type: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly text: string }
  | { readonly type: 'result'; readonly result: BuildResult }
  | { readonly type: 'error'; readonly error: BuildFailure };

/** How far a download is. */
export interface Transfer {
  readonly files?: { readonly done: number; readonly total: number };
  readonly bytes: number;
  /** Bytes of all files; undefined when nobody knows yet. */
  readonly total?: number;
  /** Bytes a second, lately. */
  readonly rate: number;
}

export interface BuildResult {
  readonly profile: string;
  /** `built`, or `unchanged` when the newest output already is what was asked for. */
  readonly state: 'built' | 'unchanged';
  /** Paths relative to the output directory. */
  readonly files: readonly {
    readonly path: string;
    readonly bytes: number;
    readonly sha256: string;
    /** A directory, whose digest is not that of a file. */
    readonly directory?: true;
    /** By which number Incus will know the image. */
    readonly fingerprint?: string;
  }[];
  readonly seconds: number;
}

export interface BuildFailure {
  readonly profile: string;
  readonly exitCode: number;
  readonly message: string;
  readonly hint?: string;
  readonly tail?: string;
  /** Path relative to the output directory of the full log that was kept. */
  readonly log?: string;
}
