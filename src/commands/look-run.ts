import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { readSecrets } from '../config/secrets.js';
import { EXIT, UserError, type ExitCode } from '../errors.js';
import { keptBuilds } from '../exec/publish-kept.js';
import { mountWork } from '../exec/workplace.js';
import { WORK_NEED } from '../host/memory.js';
import { interruption } from '../interrupt.js';
import { isImageName, platformsOf } from '../verify/read/image.js';
import { collect, finishWith, IN_BUILDER, outputDirectory, type Context } from './common.js';
import { firstLine } from './first-line.js';
import { placeFiles, runInBuilder } from './in-builder.js';

/** Options of all verbs that look into images. */
export interface LookOptions {
  readonly passphraseFile?: readonly string[];
  readonly passphraseEnv?: readonly string[];
  readonly passphraseCommand?: readonly string[];
  readonly output?: string;
  readonly engine?: string;
  readonly json?: true;
  readonly launched?: true;
}

/** Declares them. */
export function lookOptions(command: Command): Command {
  return command
    .option('--passphrase-file <file>', 'open encrypted storage with what a file holds (repeatable)', collect)
    .option('--passphrase-env <name>', 'open it with the value of an environment variable (repeatable)', collect)
    .option('--passphrase-command <command>', 'open it with what a command prints (repeatable)', collect)
    .option('--json', 'as one JSON document')
    .option('-o, --output <dir>', 'where the outputs of profiles are ($IMGBUILD_OUTPUT_DIR, else ./obj)')
    .option('--engine <name>', 'docker, podman or embedded; else the first that works ($IMGBUILD_ENGINE)')
    .addOption(command.createOption('--launched', 'passphrases come on standard input').hideHelp());
}

/** What looking into images needs in the builder. */
export interface Workplace {
  readonly workDir: string;
  readonly passphrases: readonly string[];
  readonly signal: AbortSignal;
}

/**
 * Looks into images here when this is the builder, in the builder otherwise, for the tools are there. Images are only read.
 *
 * @returns what `here` returns; undefined when the builder has said what went wrong.
 */
export async function lookInto<T>(
  context: Context,
  verb: string,
  files: readonly string[],
  options: LookOptions,
  here: (place: Workplace) => Promise<T>,
): Promise<T | undefined> {
  if (!IN_BUILDER) return await inBuilder<T>(context, verb, files, options);
  const gone = new AbortController();
  const stop = (): void => {
    gone.abort(new UserError('the launcher is gone'));
  };
  const passphrases =
    options.launched === true ? (JSON.parse(await firstLine(stop)) as string[]) : passphrasesOf(options);
  try {
    const signal = AbortSignal.any([interruption(), gone.signal]);
    return await here({ workDir: mountWork('/work', 'auto'), passphrases, signal });
  } finally {
    if (options.launched === true) process.stdin.destroy();
  }
}

function passphrasesOf({ passphraseFile = [], passphraseEnv = [], passphraseCommand = [] }: LookOptions): string[] {
  const sources = [
    ...passphraseFile.map((file) => ({ file })),
    ...passphraseEnv.map((env) => ({ env })),
    ...passphraseCommand.map((command) => ({ command })),
  ];
  return sources.flatMap((source) => Object.values(readSecrets({ passphrase: source })));
}

async function inBuilder<T>(
  context: Context,
  verb: string,
  files: readonly string[],
  options: LookOptions,
): Promise<T | undefined> {
  const passphrases = passphrasesOf(options);
  const { mounts, inside, known } = placeFiles(files);
  let said = '';
  const signal = interruption();
  const exit = await runInBuilder(context, {
    argv: ['--log-format', context.logFormat, verb, '--json', '--launched', '--', ...inside],
    mounts,
    engine: options.engine,
    signal,
    input: `${JSON.stringify(passphrases)}\n`,
    room: Math.max(
      WORK_NEED,
      files.reduce((sum, file) => sum + 6 * statSync(file).blocks * 512, 0),
    ),
    onOutput: (line) => {
      said += `${line}\n`;
    },
    // Paths as the user knows them.
    onError: (line) => {
      if (signal.aborted) return;
      context.screen.line(known(line));
    },
  });
  if (exit === EXIT.ok) return JSON.parse(said) as T;
  finishWith(exit as ExitCode);
  return undefined;
}

/** The image that a name means: a file, or what the newest build of a profile has made, its first when there are several. */
export function imageOf(name: string, output: string | undefined): string {
  if (existsSync(name) && (statSync(name).isFile() || isImageName(path.basename(name)))) {
    // Says what is wrong with the name before anything is started.
    platformsOf(name);
    return name;
  }
  const directory = path.join(outputDirectory(output), name);
  const newest = existsSync(directory) ? keptBuilds(directory)[0] : undefined;
  const file = newest?.files.find((candidate) => isImageName(candidate.name));
  if (file !== undefined) return path.join(directory, file.name);
  throw new UserError(`${name} is neither a file nor a profile with outputs in ${outputDirectory(output)}`, {
    hint: '--output DIR says where outputs are; imgbuild build makes them',
  });
}
