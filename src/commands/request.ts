import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import { FORMAT_NAMES, type FormatName } from '../config/formats.js';
import { loadProfile, loadProject, type Project } from '../config/load.js';
import { readSecrets } from '../config/secrets.js';
import type { BuildRequest, BuildSettings } from '../exec/types.js';
import { UserError } from '../errors.js';
import type { Logger } from '../log.js';
import { makePlan } from '../plan/plan.js';
import type { BuildPlan } from '../plan/types.js';
import { planWarnings } from '../plan/warnings.js';
import { cacheDirectory, collect, IN_BUILDER, type Context } from './common.js';

/** One profile, loaded and planned, with the directories that its files lie in. */
export interface Prepared {
  readonly plan: BuildPlan;
  readonly roots: Readonly<Record<string, string>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** Options of verbs that read a profile. */
export interface ProfileOptions {
  readonly set?: readonly string[];
}

/** Options of verbs that plan. */
export interface PlanOptions extends ProfileOptions {
  readonly format?: readonly FormatName[];
}

/** Options of verbs that build. */
export interface BuildOptions extends PlanOptions {
  readonly output?: string;
  readonly keep: number;
  readonly nameStyle: BuildSettings['nameStyle'];
  readonly aptProxy?: string;
  readonly offline?: true;
  readonly force?: true;
  readonly plain?: true;
}

export function addProfileOptions(command: Command): Command {
  return command.option('--set <name=value>', 'set an option of the profile (repeatable)', collect);
}

export function addPlanOptions(command: Command): Command {
  return addProfileOptions(command).option(
    '-f, --format <name[,name]>',
    'make these formats instead of those of the profile',
    formats,
  );
}

function formats(text: string, before: readonly FormatName[] = []): FormatName[] {
  const added = text.split(',').map((word) => {
    const format = FORMAT_NAMES.find((name) => name === word.trim());
    if (format === undefined) throw new InvalidArgumentError(`Formats are ${FORMAT_NAMES.join(', ')}.`);
    return format;
  });
  return [...before, ...added];
}

/** The project that a verb's global options describe. */
export function projectOf(context: Context): Project {
  return loadProject({
    programDir: context.programDir,
    profileDirs: context.profileDirs,
    collectionDirs: context.collectionDirs,
    // In the builder the cache belongs to somebody else.
    ...(IN_BUILDER ? {} : { cacheDir: cacheDirectory() }),
  });
}

export function planProfile(project: Project, profile: string, options: PlanOptions): Omit<Prepared, 'secrets'> {
  const config = loadProfile(project, profile, options.set, options.format);
  return { plan: makePlan(config), roots: config.roots };
}

/** Loads and plans all profiles before anything is done with the first. */
export function prepare(project: Project, profiles: readonly string[], options: PlanOptions): Prepared[] {
  const configs = profiles.map((profile) => loadProfile(project, profile, options.set, options.format));
  const names = configs.map((config) => config.profile);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new UserError(`two of these profiles are called ${twice}`, {
      hint: 'their images would have the same names: build one after the other, with --output for one of them',
    });
  }
  return configs.map((config) => ({
    plan: makePlan(config),
    roots: config.roots,
    secrets: readSecrets(config.secrets),
  }));
}

/** Tells what may not be meant in plans, before anything is done with them. */
export function warnOfPlans(log: Logger, plans: readonly BuildPlan[]): void {
  for (const plan of plans) for (const warning of planWarnings(plan)) log.warn(`${plan.profile}: ${warning}`);
}

export function addBuildOptions(command: Command): Command {
  return addPlanOptions(command)
    .option('-o, --output <dir>', 'where images go ($IMGBUILD_OUTPUT_DIR, else ./obj)')
    .option('--keep <n>', 'remove all but the newest N images of the profile; 0 keeps all', count, 0)
    .addOption(
      new Option('--name-style <style>', 'names of images: ours, or as Proxmox takes them apart')
        .choices(['imgbuild', 'proxmox'])
        .default('imgbuild'),
    )
    .option('--apt-proxy <url>', 'proxy for packages while building ($http_proxy); not in the image', proxyUrl)
    .option('--offline', 'never ask the network; use the archive as it was last seen')
    .option('--force', 'build every stage again')
    .option('--plain', 'without the quicker stand-ins for tools of maintainer scripts (the same image, later)');
}

function proxyUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === '') {
    throw new InvalidArgumentError('An address like http://proxy:3142 is wanted.');
  }
  return text;
}

function count(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('A number of images is wanted; 0 keeps all.');
  return Number(text);
}

/** What the builder is told about the build besides the plans. */
export function settingsOf(
  options: BuildOptions,
  places: Pick<BuildSettings, 'cacheDir' | 'outputDir' | 'workDir' | 'builderDigest'>,
  env: NodeJS.ProcessEnv,
): BuildSettings {
  const epoch = env['SOURCE_DATE_EPOCH'] ?? '';
  // Eleven digits last until the year 5138; tar and Date take them.
  if (epoch !== '' && !/^\d{1,11}$/.test(epoch)) {
    throw new UserError(`SOURCE_DATE_EPOCH is to be seconds since 1970, not "${epoch}"`);
  }
  return {
    ...places,
    keep: options.keep,
    nameStyle: options.nameStyle,
    aptProxy: options.aptProxy ?? env['http_proxy'] ?? '',
    offline: options.offline ?? false,
    force: options.force ?? false,
    plain: options.plain ?? false,
    ...(epoch === '' ? {} : { sourceDateEpoch: Number(epoch) }),
  };
}

/** The request as the builder reads it, with the roots of all builds under names of its own. */
export function requestOf(
  prepared: readonly Prepared[],
  settings: BuildSettings,
  place: (root: string, directory: string) => string,
): BuildRequest {
  const builds = prepared.map(({ plan, roots, secrets }) => ({
    plan,
    secrets,
    roots: Object.fromEntries(Object.entries(roots).map(([root, directory]) => [root, place(root, directory)])),
  }));
  return { builds, settings };
}
