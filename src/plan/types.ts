import type { FileRef, OptionValue, OverlayEntry, Phase, SizeLimit } from '../config/types.js';
import type { DiskPlan } from '../disk/types.js';
import type { Machine } from '../output/types.js';

/** One input of a stage, for the digest and for `--explain`. */
export interface Input {
  /** e.g. `option locale`, `hook base/setup/10-minimal.sh`, `package list`. */
  readonly name: string;
  readonly digest: string;
}

export type StageName = 'base' | 'packages' | 'configure' | 'assemble' | 'output';

/** A piece of a phase: files laid over the image, or a script run on it. */
export type PhaseItem =
  | { readonly kind: 'overlay'; readonly collection: string; readonly entries: readonly OverlayEntry[] }
  | {
      readonly kind: 'hook';
      readonly collection: string;
      readonly name: string;
      readonly file: FileRef;
      readonly files?: FileRef;
      /** Environment of the script, without secrets; sorted by name. */
      readonly env: Readonly<Record<string, string>>;
      readonly secrets: readonly string[];
    };

/** What a stage does, as plain data; interpreted by src/exec. */
export type Step =
  | { readonly kind: 'bootstrap'; readonly title: string; readonly packages: readonly string[] }
  | { readonly kind: 'phase'; readonly title: string; readonly phase: Phase; readonly items: readonly PhaseItem[] }
  | { readonly kind: 'install'; readonly title: string; readonly packages: readonly string[] }
  | { readonly kind: 'write'; readonly title: string; readonly path: string; readonly text: string }
  | { readonly kind: 'clean'; readonly title: string }
  | { readonly kind: 'assemble'; readonly title: string; readonly disk: DiskPlan }
  | { readonly kind: 'pack'; readonly title: string; readonly format: string };

export interface Stage {
  readonly name: StageName;
  /** Over the inputs of this stage and of those before it; not yet over the state of the archive. */
  readonly digest: string;
  readonly inputs: readonly Input[];
  readonly steps: readonly Step[];
}

/** Where packages come from; no URI means Debian's default archive, which mmdebstrap knows. */
export interface AptPlan {
  readonly mirror: string;
  readonly securityMirror: string;
  /** With the suite's `-updates`, where it has them. */
  readonly updates: boolean;
  readonly components: readonly string[];
  readonly variant: string;
  readonly sources: readonly Readonly<Record<string, string | readonly string[]>>[];
  readonly mergedUsr: boolean;
}

/** All that a build will do. Plain data: printable, diffable, hashable, replayable. */
export interface BuildPlan {
  readonly profile: string;
  readonly suite: string;
  readonly architecture: string;
  readonly apt: AptPlan;
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly collections: readonly string[];
  readonly packages: { readonly shared: readonly string[]; readonly extra: readonly string[] };
  readonly secrets: readonly string[];
  readonly outputs: readonly string[];
  /** Judged when the image is made; part of no stage. */
  readonly maxSize?: SizeLimit;
  /** The first one boots; empty for a container. */
  readonly disks: readonly DiskPlan[];
  /** The virtual machine that formats such as OVA describe. */
  readonly machine?: Machine;
  readonly stages: readonly Stage[];
}

/** Whether a stage would come from the cache, and if not, what has changed since this profile's last build. */
export interface StageForecast {
  readonly state: 'hit' | 'miss';
  readonly why: string;
}
