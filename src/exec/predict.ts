import { join } from 'node:path';
import { readJson } from './json.js';
import type { BuildPlan, StageForecast, StageName } from '../plan/types.js';
import { peekStage, lastInputs, whyMissed, writeAtomically } from './stages.js';

/** Where the key that a stage's digest led to is remembered, for this builder. */
function keyPath(cacheDir: string, builderDigest: string, digest: string): string {
  return join(cacheDir, 'locks', `${digest.slice(0, 40)}-${builderDigest.slice(0, 12)}.json`);
}

/** Notes which keys the stages of a plan had with the archive as it is now. */
export function rememberKeys(
  cacheDir: string,
  builderDigest: string,
  plan: BuildPlan,
  keys: Readonly<Record<string, string>>,
): void {
  for (const stage of plan.stages) {
    const key = keys[stage.name];
    if (key !== undefined)
      writeAtomically(cacheDir, keyPath(cacheDir, builderDigest, stage.digest), JSON.stringify({ key }));
  }
}

/** The key that a stage had when it was built last with the same inputs and builder. */
export function knownKey(
  cacheDir: string,
  builderDigest: string,
  plan: BuildPlan,
  name: StageName,
): string | undefined {
  const stage = plan.stages.find((candidate) => candidate.name === name);
  const path = keyPath(cacheDir, builderDigest, stage?.digest ?? '');
  return (readJson(path) as { key: string } | undefined)?.key;
}

/** Whether each stage would come from the cache, as far as can be told without asking the archive. */
export function predictStages(cacheDir: string, builderDigest: string, plan: BuildPlan): Record<string, StageForecast> {
  const before = lastInputs(cacheDir, plan.profile);
  return Object.fromEntries(
    plan.stages.map((stage): [string, StageForecast] => {
      const key = knownKey(cacheDir, builderDigest, plan, stage.name);
      // Disks and the files of an output are not kept twice: made from the tree when its frames are there.
      if (stage.name === 'assemble' || stage.name === 'output')
        return [stage.name, { state: key === undefined ? 'miss' : 'hit', why: '' }];
      if (key !== undefined && peekStage(cacheDir, key) !== undefined) return [stage.name, { state: 'hit', why: '' }];
      return [stage.name, { state: 'miss', why: whyMissed(stage.inputs, before?.[stage.name], stage.name === 'base') }];
    }),
  );
}
