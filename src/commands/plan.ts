import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { drawSvg } from '../disk/draw-svg.js';
import { UserError } from '../errors.js';
import { describePlan } from '../plan/describe.js';
import type { BuildPlan } from '../plan/types.js';
import { builderIdentity } from '../exec/identity.js';
import { predictStages } from '../exec/predict.js';
import { readRecipe } from '../host/recipe.js';
import { cacheDirectory, contextOf, print, printJson } from './common.js';
import { addPlanOptions, planProfile, projectOf, warnOfPlans, type PlanOptions } from './request.js';

interface Options extends PlanOptions {
  readonly json?: true;
  readonly svg?: string;
}

export function register(program: Command): void {
  addPlanOptions(program.command('plan <profile...>').description('Show what a build would do, without doing it.'))
    .option('--json', 'print the whole plan as JSON')
    .option('--svg <file>', 'draw the disks of the profile into this file as well, as SVG')
    .addHelpText(
      'after',
      `
No engine is needed. Whether a stage is in the cache is told by the archive as the last build saw it.

Examples:
  imgbuild plan deb12-amd64-lxc
  imgbuild plan deb12-amd64-lxc --set ansible.enable=false
  imgbuild plan deb12-amd64-lxc --json | jq .stages
  imgbuild plan deb12-amd64-kvm --svg disk.svg`,
    )
    .action(async (profiles: string[], options: Options, command: Command) => {
      const context = await contextOf(command);
      const project = projectOf(context);
      const plans = profiles.map((profile) => planProfile(project, profile, options).plan);
      warnOfPlans(context.log, plans);
      if (options.svg !== undefined) drawInto(options.svg, plans);
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

function drawInto(file: string, plans: readonly BuildPlan[]): void {
  const [plan] = plans;
  if (plan === undefined || plans.length > 1) {
    throw new UserError('a picture shows the disks of one profile', { hint: 'name one profile with --svg' });
  }
  if (plan.disks.length === 0) throw new UserError(`${plan.profile} has no disk that could be drawn`);
  writeFileSync(file, drawSvg(plan.disks));
}
