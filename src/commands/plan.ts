import type { Command } from 'commander';
import { describePlan } from '../plan/describe.js';
import { builderIdentity } from '../exec/identity.js';
import { predictStages } from '../exec/predict.js';
import { readRecipe } from '../host/recipe.js';
import { cacheDirectory, contextOf, print, printJson } from './common.js';
import { addPlanOptions, planProfile, projectOf, type PlanOptions } from './request.js';

export function register(program: Command): void {
  addPlanOptions(program.command('plan <profile...>').description('Show what a build would do, without doing it.'))
    .option('--json', 'print the whole plan as JSON')
    .addHelpText(
      'after',
      `
No engine is needed. Whether a stage is in the cache is told by the archive as the last build saw it.

Examples:
  imgbuild plan deb12-amd64-lxc
  imgbuild plan deb12-amd64-lxc --set ansible.enable=false
  imgbuild plan deb12-amd64-lxc --json | jq .stages`,
    )
    .action(async (profiles: string[], options: PlanOptions & { json?: true }, command: Command) => {
      const context = await contextOf(command);
      const project = projectOf(context);
      const plans = profiles.map((profile) => planProfile(project, profile, options).plan);
      const recipe = await readRecipe(context.programDir);
      const all = plans.map((plan) => ({
        plan,
        stages: predictStages(cacheDirectory(), builderIdentity(recipe.digest), plan),
      }));
      if (options.json === true) {
        const documents = all.map(({ plan, stages }) => ({
          ...plan,
          stages: plan.stages.map((stage) => ({ ...stage, cache: stages[stage.name] })),
        }));
        printJson(documents.length === 1 ? documents[0] : documents);
      } else for (const { plan, stages } of all) print(describePlan(plan, stages));
    });
}
