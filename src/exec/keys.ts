import { digestOf } from '../digest.js';
import type { BuildPlan, Stage, StageName } from '../plan/types.js';
import type { Archive, Solution } from './archive.js';
import type { BuildSettings } from './types.js';

/** Where the results of the stages lie in the cache. */
export interface Keys {
  readonly base: string;
  readonly packages: string;
  readonly configure: string;
  readonly output: string;
}

/** What only the archive can tell. */
export interface Inputs {
  readonly archive: Archive;
  readonly base: Solution;
  readonly all: Solution;
}

/** A stage's key: its digest in the plan, and what only the builder knows: itself, the packages' files, the epoch. */
export function stageKeys(plan: BuildPlan, settings: BuildSettings, inputs: Inputs, tag: string): Keys {
  const digest = (name: StageName): string => plan.stages.find((stage) => stage.name === name)?.digest ?? '';
  const builder = settings.builderDigest;
  const epoch = settings.sourceDateEpoch ?? null;
  const sources = inputs.archive.sources.map(({ path, text }) => ({ path, text }));
  const base = digestOf({ plan: digest('base'), builder, epoch, sources, packages: inputs.base.digest });
  const packages = digestOf({ plan: digest('packages'), base, packages: inputs.all.digest });
  const configure = digestOf({ plan: digest('configure'), packages, tag });
  const output = digestOf({ plan: digest('output'), configure, style: settings.nameStyle });
  return { base, packages, configure, output };
}

/** A stage of a plan by its name. */
export function stageOf(plan: BuildPlan, name: StageName): Stage {
  const stage = plan.stages.find((candidate) => candidate.name === name);
  if (stage === undefined) throw new Error(`the plan has no stage ${name}`);
  return stage;
}
