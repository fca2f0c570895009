import { digestOf } from '../digest.js';
import type { BuildPlan, Input, Stage, StageName } from '../plan/types.js';
import type { Archive, Solution } from './archive.js';
import type { BuildSettings } from './types.js';

/** Where the results of the stages lie in the cache. */
export interface Keys {
  readonly base: string;
  readonly packages: string;
  readonly configure: string;
  readonly assemble: string;
  readonly output: string;
}

/** What only the builder can tell. */
export interface Inputs {
  readonly dynamic: Readonly<Record<string, readonly Input[]>>;
  readonly archive: Archive;
  readonly base: Solution;
  readonly all: Solution;
  /** Of the secrets; see secretsTag. */
  readonly tag: string;
}

/** A stage's key: its digest in the plan, and what only the builder knows: itself, the packages' files, the epoch. */
export function stageKeys(
  plan: BuildPlan,
  settings: BuildSettings,
  inputs: Omit<Inputs, 'dynamic' | 'tag'>,
  tag: string,
): Keys {
  const digest = (name: StageName): string => plan.stages.find((stage) => stage.name === name)?.digest ?? '';
  const builder = settings.builderDigest;
  const epoch = settings.sourceDateEpoch ?? null;
  const sources = inputs.archive.sources.map(({ path, text }) => ({ path, text }));
  const base = digestOf({ plan: digest('base'), builder, epoch, sources, packages: inputs.base.digest });
  const packages = digestOf({ plan: digest('packages'), base, packages: inputs.all.digest });
  const configure = digestOf({ plan: digest('configure'), packages, tag });
  const assemble = digestOf({ plan: digest('assemble'), configure });
  const output = digestOf({ plan: digest('output'), configure, style: settings.nameStyle });
  return { base, packages, configure, assemble, output };
}

/** What a stage's key has besides its plan, by names for `whyMissed`. */
export function dynamicInputs(
  settings: BuildSettings,
  inputs: Omit<Inputs, 'dynamic' | 'tag'>,
  tag: string,
): Record<string, Input[]> {
  return {
    base: [
      { name: 'imgbuild or its builder', digest: settings.builderDigest },
      { name: 'SOURCE_DATE_EPOCH', digest: String(settings.sourceDateEpoch ?? '') },
      { name: 'the archive (packages of the base)', digest: inputs.base.digest },
    ],
    packages: [{ name: 'the archive (packages)', digest: inputs.all.digest }],
    configure: [{ name: 'the value of a secret', digest: tag === '' ? '' : tag }],
  };
}

/** Under which name they are remembered, apart from those of the plan, which the launcher knows, too. */
export function hereOf(stage: string): string {
  return `${stage}, here`;
}

/** A stage of a plan by its name. */
export function stageOf(plan: BuildPlan, name: StageName): Stage {
  const stage = plan.stages.find((candidate) => candidate.name === name);
  if (stage === undefined) throw new Error(`the plan has no stage ${name}`);
  return stage;
}
