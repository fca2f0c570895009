import { existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { EXIT, UserError } from '../errors.js';
import { keptBuilds } from '../exec/publish-kept.js';
import { BOOT_RULES } from '../verify/boot-rules.js';
import { isImageName, platformsOf } from '../verify/read/image.js';
import { isRefused } from '../verify/report.js';
import { RULES } from '../verify/rules/index.js';
import { PLATFORMS, type Platform } from '../verify/types.js';
import {
  contextOf,
  durationArgument,
  finishWith,
  outputDirectory,
  print,
  printJson,
  table,
  type Context,
} from './common.js';
import {
  BOOT_TIMEOUT,
  findingsOf,
  printVerification,
  verifyFiles,
  type Verification,
  type VerifyOptions,
} from './verify-run.js';

interface Options extends VerifyOptions {
  readonly strict?: true;
  readonly json?: true;
  readonly list?: true;
  readonly output?: string;
}

/** `imgbuild verify`. */
export function register(program: Command): void {
  program
    .command('verify')
    .description(
      'Looks into finished images, of imgbuild or of anybody else: what the platform would refuse, and what the image ' +
        'gives away. With --boot, their machines are also started. Images are only read. docs/rules.md explains every rule.',
    )
    .argument('[image...]', 'files, or names of profiles: what their newest build has made')
    .addOption(
      new Option('--platform <name>', 'what the images are meant for, when their names do not tell (repeatable)')
        .choices(PLATFORMS)
        .argParser(platformArgument),
    )
    .option('--boot', 'boot them, too: a new machine, the same once more, and another new one')
    .option('--no-rules', 'without the rules and the audit')
    .option('--secure-boot', 'boot with Secure Boot on')
    .addOption(
      new Option('--boot-timeout <duration>', 'how long a boot may take; a number alone is of seconds')
        .argParser(durationArgument)
        .default(BOOT_TIMEOUT, '15m'),
    )
    .option('--strict', 'warnings count as errors')
    .option('--json', 'as one JSON document')
    .option('--list', 'list all rules, and what --boot asks')
    .option('-o, --output <dir>', 'where the outputs of profiles are ($IMGBUILD_OUTPUT_DIR, else ./obj)')
    .option('--engine <name>', 'docker, podman or embedded; else the first that works ($IMGBUILD_ENGINE)')
    .addOption(new Option('--build-host <name>').hideHelp())
    .addHelpText(
      'after',
      `
Exit code 7 tells that there are errors (with --strict: or warnings).

Examples:
  imgbuild verify deb12-amd64-lxc
  imgbuild verify deb12-amd64-kvm --boot
  imgbuild verify debian-12-standard_12.12-1_amd64.tar.zst
  imgbuild verify appliance.ova --platform proxmox-vm --strict
  imgbuild verify --list`,
    )
    .action(async (images: string[], options: Options, command: Command) => {
      if (options.list === true) {
        listRules(options.json ?? false);
        return;
      }
      if (options.boot !== true) {
        const idle = options.secureBoot === true ? '--secure-boot' : options.rules ? undefined : '--no-rules';
        if (idle !== undefined) throw new UserError(`${idle} says something of boots only`, { hint: 'add --boot' });
      }
      if (options.bootTimeout === 0) throw new UserError('no boot can end in no time', { hint: '--boot-timeout 10m' });
      const context = await contextOf(command);
      const files = filesOf(images, outputDirectory(options.output));
      finish(context, await verifyFiles(context, files, options), options);
    });
}

function platformArgument(value: string, previous: readonly Platform[] | undefined): Platform[] {
  const known = PLATFORMS.find((name) => name === value);
  if (known === undefined) throw new InvalidArgumentError(`There are ${PLATFORMS.join(', ')}.`);
  return [...(previous ?? []), known];
}

function listRules(json: boolean): void {
  if (json) {
    const rules = RULES.map(({ id, severity, platforms, title, source, advice }) => {
      return { id, severity, platforms, title, source, advice };
    });
    printJson([...rules, ...BOOT_RULES.map((rule) => ({ ...rule, platforms: [] }))]);
    return;
  }
  const rows = [...RULES, ...BOOT_RULES].map(({ id, severity, title }) => [id, severity, title]);
  print(table([['RULE', 'SEVERITY', 'WHAT HOLDS IN A GOOD IMAGE'], ...rows]));
}

/** The files that are meant, each of them once, also when a link leads to it: a name that is no file is that of a profile. */
function filesOf(images: readonly string[], outputDir: string): string[] {
  if (images.length === 0) throw new UserError('there is nothing to verify', { hint: 'name images or profiles' });
  const files = images.flatMap((image) => {
    if (existsSync(image) && (statSync(image).isFile() || isImageName(path.basename(image)))) {
      // Says what is wrong with the name before anything is started.
      platformsOf(image);
      return [image];
    }
    const directory = path.join(outputDir, image);
    const newest = existsSync(directory) ? keptBuilds(directory)[0] : undefined;
    const names = (newest?.files ?? []).map(({ name }) => name).filter(isImageName);
    if (names.length > 0) return names.map((name) => path.join(directory, name));
    throw new UserError(`${image} is neither a file nor a profile with outputs in ${outputDir}`, {
      hint: '--output DIR says where outputs are; imgbuild build makes them',
    });
  });
  const real = files.map((file) => realpathSync(file));
  return files.filter((_, n) => real.indexOf(real[n] ?? '') === n);
}

function finish(context: Context, verification: Verification, { json, strict }: Options): void {
  const refused = isRefused(findingsOf(verification), strict ?? false);
  if (json === true) printJson({ refused, ...verification });
  else printVerification(context, verification);
  if (refused) finishWith(EXIT.findings);
}
