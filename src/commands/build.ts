import { Option, type Command } from 'commander';
import type { ExitCode } from '../errors.js';
import { EXIT, UserError } from '../errors.js';
import { builderIdentity } from '../exec/identity.js';
import { fetchRelease } from '../exec/fetch-release.js';
import { secretsTag } from '../exec/stages.js';
import type { BuildEvent, BuildResult, BuildSettings } from '../exec/types.js';
import { isUnchanged } from '../exec/uptodate.js';
import { mountWork } from '../exec/workplace.js';
import { WORK_MODES, type WorkMode } from '../host/memory.js';
import { hostOf } from '../host/program.js';
import { readRecipe } from '../host/recipe.js';
import { interruption } from '../interrupt.js';
import { followBuilds } from '../progress.js';
import {
  cacheDirectory,
  contextOf,
  finishWith,
  IN_BUILDER,
  outputDirectory,
  sizeArgument,
  type Context,
} from './common.js';
import { collectEvents, ensureDirectory } from './build-events.js';
import type { Verified } from './build-verify.js';
import {
  addBuildOptions,
  prepare,
  projectOf,
  requestOf,
  settingsOf,
  warnOfPlans,
  type BuildOptions,
  type Prepared,
} from './request.js';

interface Options extends BuildOptions {
  readonly engine?: string;
  readonly work: WorkMode;
  readonly workSize?: number;
  readonly privileged?: true;
  readonly setup?: true;
  readonly json?: true;
  readonly verify?: true;
  readonly boot?: true;
}

export function register(program: Command): void {
  addBuildOptions(program.command('build <profile...>').description('Build images of profiles.'))
    .option('--engine <name>', 'docker, podman or embedded; else the first that works ($IMGBUILD_ENGINE)')
    .addOption(
      new Option('--work <where>', 'work in memory or on disk; auto takes memory when there is enough')
        .choices(WORK_MODES)
        .default('auto'),
    )
    .option('--work-size <size>', 'largest size of the work directory in memory', sizeArgument)
    .option('--privileged', 'give the builder all privileges, where the few that it needs do not suffice')
    .option('--verify', 'check what was built as `imgbuild verify` does; exit code 7 when it found errors')
    .option('--boot', 'as --verify, and boot machines')
    .option('--setup', 'install what this machine lacks, saying what and why')
    .option('--json', 'print the results as JSON')
    .addHelpText(
      'after',
      `
Examples:
  imgbuild build deb12-amd64-lxc
  imgbuild build web1 --set hostname=web1 --set login.authorizedKeys="$(cat ~/.ssh/id_ed25519.pub)"
  imgbuild build deb12-amd64-lxc deb13-amd64-lxc --keep 3
  imgbuild build deb12-amd64-lxc --name-style proxmox
  imgbuild build deb12-amd64-kvm --verify`,
    )
    .action(async (profiles: string[], options: Options, command: Command) => {
      const context = await contextOf(command);
      const prepared = prepare(projectOf(context), profiles, options);
      warnOfPlans(
        context.log,
        prepared.map(({ plan }) => plan),
      );
      await (IN_BUILDER ? buildHere(context, prepared, options) : buildByEngine(context, prepared, options));
    });
}

async function buildHere(context: Context, prepared: readonly Prepared[], options: Options): Promise<void> {
  const outputDir = outputDirectory(options.output);
  const settings = settingsOf(
    options,
    {
      cacheDir: cacheDirectory(),
      outputDir,
      workDir: mountWork('/work', options.work, options.workSize),
      builderDigest: builderIdentity(process.env['IMGBUILD_BUILDER_DIGEST'] ?? ''),
    },
    process.env,
  );
  const { execute } = await import('../exec/execute.js');
  const collected = collectEvents(context, followBuilds(context));
  const signal = interruption();
  let verified: Verified | undefined;
  try {
    const exit = await execute(
      requestOf(prepared, settings, (_, directory) => directory),
      collected.onEvent,
      signal,
    );
    finishWith(exit as ExitCode);
    verified = await verify(context, collected.results, outputDir, options);
  } finally {
    collected.finish(outputDir, options.json ?? false, verified);
  }
}

async function buildByEngine(context: Context, prepared: readonly Prepared[], options: Options): Promise<void> {
  const host = hostOf(context.programDir, cacheDirectory());
  const outputDir = ensureDirectory(outputDirectory(options.output), 'output', '--output DIR');
  ensureDirectory(host.cacheDir, 'cache', 'IMGBUILD_CACHE_DIR');
  const recipe = await readRecipe(host.program.dir);
  const collected = collectEvents(context, followBuilds(context));
  const places = { cacheDir: host.cacheDir, outputDir, workDir: '', builderDigest: builderIdentity(recipe.digest) };
  const outside = settingsOf(options, places, process.env);
  let verified: Verified | undefined;
  try {
    const changed = await withoutUnchanged(prepared, outside, collected.onEvent);
    if (changed.length > 0) {
      // Only now: a build that has nothing to do must not pay for finding an engine.
      const { launchBuild } = await import('./launch-build.js');
      const { onEvent } = collected;
      const exit = await launchBuild({ context, host, outside, prepared: changed, options, onEvent });
      if (exit !== 0 && collected.failures.length === 0) {
        throw new UserError(`the builder ended with status ${String(exit)}`, {
          exitCode: exit === EXIT.environment ? EXIT.environment : EXIT.step,
          hint: 'the lines above tell why; --verbose tells more',
        });
      }
      finishWith(exit as ExitCode);
    }
    verified = await verify(context, collected.results, outputDir, options);
  } finally {
    collected.finish(outputDir, options.json ?? false, verified);
  }
}

/** Loads what verifies only when it is asked for: most builds are not to pay for it. */
async function verify(
  context: Context,
  results: readonly BuildResult[],
  outputDir: string,
  options: Options,
): Promise<Verified | undefined> {
  if ((options.verify ?? options.boot) !== true) return undefined;
  const { verifyResults } = await import('./build-verify.js');
  return await verifyResults(context, results, outputDir, options);
}

/** Reports the profiles whose newest image is what a build would make, and returns the others. */
async function withoutUnchanged(
  prepared: readonly Prepared[],
  settings: BuildSettings,
  onEvent: (event: BuildEvent) => void,
): Promise<Prepared[]> {
  const started = performance.now();
  const files = await Promise.all(
    prepared.map(({ plan, secrets }) =>
      isUnchanged(
        settings,
        { planDigest: plan.stages.at(-1)?.digest ?? '', maxBytes: plan.maxSize?.bytes },
        secretsTag(settings.cacheDir, secrets),
        (uri) => fetchRelease(uri, settings.aptProxy),
        plan.profile,
      ),
    ),
  );
  return prepared.filter(({ plan }, index) => {
    const unchanged = files[index];
    if (unchanged === undefined) return true;
    const seconds = (performance.now() - started) / 1000;
    onEvent({ type: 'result', result: { profile: plan.profile, state: 'unchanged', files: unchanged, seconds } });
    return false;
  });
}
