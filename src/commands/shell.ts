import type { Command } from 'commander';
import { EXIT, UserError, type ExitCode } from '../errors.js';
import { builderIdentity } from '../exec/identity.js';
import { enterTree } from '../exec/enter.js';
import { knownKey } from '../exec/predict.js';
import { peekStage, stageKeysFrom } from '../exec/stages.js';
import { failedKey } from '../exec/tree.js';
import { mountWork } from '../exec/workplace.js';
import { readRecipe } from '../host/recipe.js';
import { interruption } from '../interrupt.js';
import { cacheDirectory, contextOf, finishWith, IN_BUILDER, type Context } from './common.js';
import { runInBuilder } from './in-builder.js';
import { addProfileOptions, planProfile, projectOf, type ProfileOptions } from './request.js';

interface Options extends ProfileOptions {
  readonly failed?: true;
  readonly key?: string;
  readonly engine?: string;
}

export function register(program: Command): void {
  addProfileOptions(
    program.command('shell <profile> [command...]').description('Open a shell in the tree of a built profile.'),
  )
    .option('--failed', 'in the tree as the last failed build left it')
    .option('--engine <name>', 'docker, podman or embedded; else the first that works ($IMGBUILD_ENGINE)')
    .option('--key <key>', 'in this entry of the cache (`imgbuild cache ls`)')
    .addHelpText(
      'after',
      `
It is a copy: nothing that is changed there stays.

Examples:
  imgbuild shell deb12-amd64-lxc
  imgbuild shell deb12-amd64-lxc -- systemctl --root=/ list-unit-files --state=enabled
  imgbuild shell web1 --failed`,
    )
    .action(async (profile: string, command: string[], options: Options, self: Command) => {
      const context = await contextOf(self);
      const key = options.key === undefined ? await keyOf(context, profile, options) : completeKey(options.key);
      const exit = IN_BUILDER
        ? await enterTree(
            { cacheDir: cacheDirectory(), workDir: mountWork('/work', 'auto') },
            key,
            command,
            interruption(),
          )
        : await throughEngine(context, profile, key, command, options);
      finishWith(exit as ExitCode);
    });
}

/** The key that begins so; `imgbuild cache ls` shows the first characters. */
function completeKey(start: string): string {
  const found = stageKeysFrom(cacheDirectory(), start);
  const [key] = found;
  if (key !== undefined && found.length === 1) return key;
  throw new UserError(`${found.length === 0 ? 'no entry' : 'more than one entry'} of the cache begins with ${start}`, {
    hint: '`imgbuild cache ls` shows them',
  });
}

async function keyOf(context: Context, profile: string, options: Options): Promise<string> {
  const { plan } = planProfile(projectOf(context), profile, options);
  const recipe = await readRecipe(context.programDir);
  const digest = IN_BUILDER ? (process.env['IMGBUILD_BUILDER_DIGEST'] ?? '') : recipe.digest;
  const identity = builderIdentity(digest);
  const key =
    options.failed === true ? failedKey(plan.profile) : knownKey(cacheDirectory(), identity, plan, 'configure');
  if (key === undefined || peekStage(cacheDirectory(), key) === undefined) {
    throw new UserError(
      `there is no ${options.failed === true ? 'failed' : 'finished'} tree of ${plan.profile} in the cache`,
      {
        exitCode: EXIT.environment,
        hint:
          options.failed === true
            ? 'its last build did not fail in a hook or package'
            : `imgbuild build ${profile}, with --force when that says that nothing has changed`,
      },
    );
  }
  return key;
}

async function throughEngine(
  context: Context,
  profile: string,
  key: string,
  command: readonly string[],
  options: Options,
): Promise<number> {
  return await runInBuilder(context, {
    argv: ['shell', '--key', key, profile, ...(command.length === 0 ? [] : ['--', ...command])],
    engine: options.engine,
    terminal: process.stdin.isTTY && process.stdout.isTTY,
  });
}
