import { existsSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import { Option, type Command } from 'commander';
import { CommandError, EXIT, UserError } from '../errors.js';
import { mountWork } from '../exec/workplace.js';
import { keptBuilds } from '../exec/publish-kept.js';
import { interruption } from '../interrupt.js';
import { isImageName, platformsOf } from '../verify/read/image.js';
import { isRefused, reportLines } from '../verify/report.js';
import { RULES } from '../verify/rules/index.js';
import { PLATFORMS, type Platform } from '../verify/types.js';
import { verifyImage, type ImageReport } from '../verify/verify.js';
import { contextOf, finishWith, IN_BUILDER, outputDirectory, print, printJson, table, type Context } from './common.js';
import { placeFiles, runInBuilder } from './in-builder.js';

interface Options {
  readonly platform?: readonly Platform[];
  readonly strict?: true;
  readonly json?: true;
  readonly list?: true;
  readonly output?: string;
  readonly engine?: string;
  readonly buildHost?: string;
}

/** `imgbuild verify`. */
export function register(program: Command): void {
  program
    .command('verify')
    .summary('check images against the rules of their platforms')
    .description(
      'Looks into finished images, of imgbuild or of anybody else: what the platform would refuse, and what the image ' +
        'gives away. Nothing is mounted, and images are only read. docs/rules.md explains every rule.',
    )
    .argument('[image...]', 'files, or names of profiles: what their newest build has made')
    .addOption(
      new Option('--platform <name>', 'what the images are meant for, when their names do not tell (repeatable)')
        .choices(PLATFORMS)
        .argParser((value: string, previous: readonly Platform[] | undefined) => [
          ...(previous ?? []),
          platform(value),
        ]),
    )
    .option('--strict', 'warnings count as errors')
    .option('--json', 'as one JSON document')
    .option('--list', 'list all rules')
    .option('-o, --output <dir>', 'where the outputs of profiles are ($IMGBUILD_OUTPUT_DIR, else ./obj)')
    .option('--engine <name>', 'docker, podman or embedded; else the first that works ($IMGBUILD_ENGINE)')
    .addOption(new Option('--build-host <name>', 'name of the machine to look for').hideHelp())
    .addHelpText(
      'after',
      `
Examples:
  imgbuild verify deb12-amd64-lxc
  imgbuild verify debian-12-standard_12.12-1_amd64.tar.zst
  imgbuild verify appliance.ova --platform proxmox-vm --strict
  imgbuild verify --list`,
    )
    .action(async (images: string[], options: Options, command: Command) => {
      if (options.list === true) {
        listRules(options.json ?? false);
        return;
      }
      const context = await contextOf(command);
      const files = filesOf(images, outputDirectory(options.output));
      const reports = await verifyFiles(context, files, options);
      finish(context, reports, options);
    });
}

function platform(value: string): Platform {
  const known = PLATFORMS.find((name) => name === value);
  if (known !== undefined) return known;
  throw new UserError(`there is no platform ${value}`, { hint: `there are ${PLATFORMS.join(', ')}` });
}

function listRules(json: boolean): void {
  const rows = RULES.map(({ id, severity, platforms, title, source, advice }) => ({
    id,
    severity,
    platforms,
    title,
    source,
    advice,
  }));
  if (json) printJson(rows);
  else
    print(
      table([
        ['RULE', 'SEVERITY', 'WHAT HOLDS IN A GOOD IMAGE'],
        ...rows.map(({ id, severity, title }) => [id, severity, title]),
      ]),
    );
}

/** The files that are meant: a name that is no file is that of a profile. */
function filesOf(images: readonly string[], outputDir: string): string[] {
  if (images.length === 0) throw new UserError('there is nothing to verify', { hint: 'name images or profiles' });
  return images.flatMap((image) => {
    if (existsSync(image) && statSync(image).isFile()) {
      // Says what is wrong with the name before anything is started.
      platformsOf(image);
      return [image];
    }
    const directory = path.join(outputDir, image);
    const newest = existsSync(directory) ? keptBuilds(directory)[0] : undefined;
    const files = (newest?.files ?? [])
      .filter(({ name }) => isImageName(name))
      .map(({ name }) => path.join(directory, name));
    if (files.length > 0) return files;
    throw new UserError(`${image} is neither a file nor a profile with outputs in ${outputDir}`, {
      hint: '--output DIR says where outputs are; imgbuild build makes them',
    });
  });
}

/** Verifies images: here when this is the builder, in the builder otherwise, for the tools are there. */
export async function verifyFiles(
  context: Context,
  files: readonly string[],
  options: Pick<Options, 'platform' | 'engine' | 'buildHost'>,
): Promise<ImageReport[]> {
  if (IN_BUILDER) {
    const workDir = mountWork('/work', 'auto');
    const reading = { workDir, buildHost: options.buildHost ?? '', signal: interruption() };
    const reports: ImageReport[] = [];
    for (const file of files) reports.push(await verifyImage(file, options.platform ?? [], reading));
    return reports;
  }
  const { mounts, inside } = placeFiles(files);
  const platforms = (options.platform ?? []).flatMap((name) => ['--platform', name]);
  const argv = ['verify', '--json', '--build-host', hostname(), ...platforms, '--', ...inside];
  let said = '';
  const exit = await runInBuilder(context, {
    argv,
    mounts,
    engine: options.engine,
    signal: interruption(),
    onOutput: (line) => {
      said += `${line}\n`;
    },
  });
  if (exit !== EXIT.ok && exit !== EXIT.findings) {
    throw new CommandError({ doing: 'verifying in the builder', argv, exit: `exit status ${String(exit)}`, tail: '' });
  }
  const { images } = JSON.parse(said) as { images: readonly ImageReport[] };
  return images.map((report, n) => ({ ...report, image: files[n] ?? report.image }));
}

function finish(context: Context, images: readonly ImageReport[], { json, strict }: Options): void {
  if (json === true) printJson({ images });
  else for (const report of images) print(reportLines(report, context.level === 'debug').join('\n'));
  if (images.some(({ findings }) => isRefused(findings, strict ?? false))) finishWith(EXIT.findings);
}
