import { existsSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { FORMAT_NAMES, isDiskFormat, type DiskFormat } from '../config/formats.js';
import { EXIT, UserError, type ExitCode } from '../errors.js';
import { convertedName, type ConvertTarget } from '../exec/formats/convert.js';
import { mountWork } from '../exec/workplace.js';
import { INSIDE } from '../host/mounts.js';
import { interruption } from '../interrupt.js';
import { formatBytes } from '../units.js';
import {
  collect,
  contextOf,
  finishWith,
  IN_BUILDER,
  outputDirectory,
  print,
  printJson,
  type Context,
} from './common.js';
import { convertHere, type Converted } from './convert-here.js';
import { convertOptions } from './convert-options.js';
import { placeFiles, runInBuilder } from './in-builder.js';

interface Options {
  readonly to: readonly DiskFormat[];
  readonly output?: string;
  readonly force?: true;
  readonly set?: readonly string[];
  readonly engine?: string;
  readonly json?: true;
  readonly base?: string;
  readonly launched?: true;
}

const FORMATS = FORMAT_NAMES.filter(isDiskFormat);

/** `imgbuild convert`. */
export function register(program: Command): void {
  program
    .command('convert')
    .summary('make other formats of a disk image')
    .description(
      'Makes other formats of a disk image, of imgbuild or of anybody else. What the image is, its content tells: raw, ' +
        'raw.zst, qcow2, vhdx, vhd, vmdk and ova are read. Equal disks give equal files.',
    )
    .argument('<image>', 'the image; it is only read')
    .requiredOption('-t, --to <format[,format]>', `formats to make: ${FORMATS.join(', ')}`, formats)
    .option(
      '-o, --output <file|dir>',
      'where to (a directory, or the name of the only file); else the current directory',
    )
    .option('--force', 'replace files that are there')
    .option('--set <name=value>', 'set an option of the format, such as vm.memory (repeatable)', collect)
    .option('--engine <name>', 'docker, podman or embedded; else the first that works ($IMGBUILD_ENGINE)')
    .option('--json', 'print the result as JSON')
    .addOption(new Option('--base <name>', 'how names begin').hideHelp())
    .addOption(new Option('--launched', 'stop when standard input ends').hideHelp())
    .addHelpText(
      'after',
      `
Examples:
  imgbuild convert web1.qcow2 --to vhdx
  imgbuild convert appliance.ova --to qcow2,raw.zst --output images/
  imgbuild convert disk.raw --to ova --set vm.memory=4096 --set vm.hardwareVersion=19`,
    )
    .action(async (image: string, options: Options, command: Command) => {
      const context = await contextOf(command);
      requireFile(image);
      const target = targetOf(image, options);
      // Before anything is started: what is wrong with them, and files that are in the way.
      const values = convertOptions(options.to, options.set ?? []);
      for (const format of options.to) refuseExisting(image, target, format);
      const files = IN_BUILDER
        ? await convertHere(context, {
            image,
            formats: options.to,
            target,
            values,
            workDir: mountWork('/work', 'auto'),
            launched: options.launched ?? false,
          })
        : await convertInBuilder(context, image, target, options);
      if (files === undefined) return;
      if (options.json === true) printJson({ files });
      else print(files.map(({ path: file, bytes }) => `${file}  ${formatBytes(bytes)}`).join('\n'));
    });
}

function requireFile(image: string): void {
  const stat = statSync(image, { throwIfNoEntry: false });
  if (stat === undefined) throw new UserError(`${image} is not there`);
  if (!stat.isFile()) throw new UserError(`${image} is no file`, { hint: 'disk images are read from files only' });
}

function formats(text: string, before: readonly DiskFormat[] = []): DiskFormat[] {
  const added = text.split(',').map((word) => {
    const format = FORMATS.find((name) => name === word.trim());
    if (format !== undefined) return format;
    const known = FORMAT_NAMES.some((name) => name === word.trim());
    throw new InvalidArgumentError(
      known
        ? `${word.trim()} is no disk; a profile makes it: imgbuild build PROFILE --format ${word.trim()}.`
        : `Formats are ${FORMATS.join(', ')}.`,
    );
  });
  return [...new Set([...before, ...added])];
}

/** Names of the new files: those of the image with other suffixes, or what the user said. */
function targetOf(image: string, { output, to, base, ...options }: Options): ConvertTarget {
  const force = options.force ?? false;
  const stem = base ?? withoutSuffix(path.basename(image));
  if (output === undefined) {
    return { directory: IN_BUILDER ? outputDirectory(undefined) : process.cwd(), base: stem, force };
  }
  const absolute = path.resolve(output);
  if (output.endsWith('/') || (existsSync(absolute) && statSync(absolute).isDirectory())) {
    return { directory: existing(absolute), base: stem, force };
  }
  if (to.length > 1) {
    throw new UserError(`${output} is the name of one file, and ${String(to.length)} formats are asked for`, {
      hint: 'name a directory that exists',
    });
  }
  const name = path.basename(absolute);
  const meant = FORMAT_NAMES.find((format) => name.toLowerCase().endsWith(`.${format}`));
  if (meant !== undefined && to[0] !== undefined && !name.toLowerCase().endsWith(`.${to[0]}`)) {
    throw new UserError(`${name} is the name of another format than ${to[0]}`, {
      hint: `--to ${meant}, or another name`,
    });
  }
  return { directory: existing(path.dirname(absolute)), base: withoutSuffix(name), name, force };
}

function existing(directory: string): string {
  if (existsSync(directory)) return directory;
  throw new UserError(`there is no directory ${directory}`, { hint: 'make it first, or choose another with --output' });
}

function withoutSuffix(name: string): string {
  const suffix = FORMAT_NAMES.map((format) => `.${format}`)
    .sort((a, b) => b.length - a.length)
    .find((candidate) => name.toLowerCase().endsWith(candidate) && name.length > candidate.length);
  return suffix === undefined ? name.replace(/(.)\.img$/i, '$1') : name.slice(0, -suffix.length);
}

function refuseExisting(image: string, target: ConvertTarget, format: DiskFormat): void {
  const name = convertedName(target, { disks: [{ name: 'rootfs', path: image, bytes: 0 }] }, 'rootfs', `.${format}`);
  const file = path.join(target.directory, name);
  if (!existsSync(file)) return;
  if (existsSync(image) && realpathSync(file) === realpathSync(image)) {
    throw new UserError(`${file} is the image itself`, { hint: 'choose another name with --output' });
  }
  if (!target.force) throw new UserError(`${file} exists already`, { hint: '--force replaces it' });
}

/** Where the builder writes to, in what it says. */
const OUTPUT = new RegExp(`(?<![\\w.-])${INSIDE.output}(?=[/ ']|$)`, 'g');

/** Has the builder do it, whose tools read what others have written. */
async function convertInBuilder(
  context: Context,
  image: string,
  target: ConvertTarget,
  options: Options,
): Promise<readonly Converted[] | undefined> {
  const { mounts, inside, known } = placeFiles([image]);
  const [source = ''] = inside;
  const { directory, base, name } = target;
  const argv = [
    ...['--log-format', context.logFormat, ...(context.level === 'debug' ? ['--verbose'] : [])],
    ...(context.level === 'warn' ? ['--quiet'] : []),
    ...['convert', '--launched', '--json', '--to', options.to.join(','), '--base', base],
    ...['--output', `${INSIDE.output}/${name ?? ''}`, ...(options.force === true ? ['--force'] : [])],
    ...(options.set ?? []).flatMap((set) => ['--set', set]),
    ...['--', source],
  ];
  let said = '';
  const signal = interruption();
  const exit = await runInBuilder(context, {
    argv,
    mounts: [...mounts, { source: directory, target: INSIDE.output, readonly: false }],
    engine: options.engine,
    signal,
    input: '',
    onOutput: (line) => {
      said += `${line}\n`;
    },
    // Paths as the user knows them.
    onError: (line) => {
      // How the builder unwinds when it is told to is of no interest.
      if (signal.aborted) return;
      context.screen.line(known(line).replace(OUTPUT, () => directory));
    },
  });
  if (exit !== EXIT.ok) {
    finishWith(exit as ExitCode);
    return undefined;
  }
  const { files } = JSON.parse(said) as { files: readonly Converted[] };
  return files.map(({ path: file, bytes }) => ({ path: path.join(directory, path.basename(file)), bytes }));
}
