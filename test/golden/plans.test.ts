import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadProfile, loadProject } from '../../src/config/load.js';
import { makePlan } from '../../src/plan/plan.js';
import type { BuildPlan } from '../../src/plan/types.js';

const programDir = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const project = loadProject({ programDir, cwd: '/nonexistent' });

/** Names of all example profiles, found by their files so that none is forgotten. */
const profiles = [
  ...new Set(
    readdirSync(`${programDir}/profiles/examples`, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.yaml'))
      .map((file) => path.basename(file, '.yaml')),
  ),
].sort();

/** A plan without digests: they change with every hook, and nobody can tell from them whether a change was meant. */
function readable(plan: BuildPlan): object {
  return {
    ...plan,
    stages: plan.stages.map((stage) => ({
      name: stage.name,
      inputs: stage.inputs.map((input) => input.name),
      steps: stage.steps.map((step) =>
        step.kind === 'phase'
          ? {
              phase: step.phase,
              items: step.items.map((item) =>
                item.kind === 'hook'
                  ? { hook: `${item.collection}/${item.name}`, env: item.env, secrets: item.secrets }
                  : {
                      overlay: item.collection,
                      entries: item.entries.map((entry) => `${entry.mode.toString(8)} ${entry.kind} ${entry.path}`),
                    },
              ),
            }
          : step,
      ),
    })),
  };
}

describe('plans of the example profiles', () => {
  it.each(profiles)('%s', async (profile) => {
    const plan = makePlan(loadProfile(project, profile));
    await expect(`${JSON.stringify(readable(plan), undefined, 1)}\n`).toMatchFileSnapshot(`${profile}.json`);
  });

  it('are the same for both places of the first example', () => {
    const flat = makePlan(loadProfile(project, `${programDir}/profiles/examples/deb11-amd64-lxc`));
    const nested = makePlan(loadProfile(project, `${programDir}/profiles/examples/deb11/deb11-amd64-lxc.yaml`));
    expect(flat).toEqual(nested);
  });
});
