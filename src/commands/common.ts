import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { InvalidArgumentError, type Command } from 'commander';
import { EXIT, type ExitCode } from '../errors.js';
import { createJsonLogger, createTextLogger, type Level, type Logger } from '../log.js';
import { createScreen, type Screen } from '../screen.js';
import { parseDuration, parseSize } from '../units.js';

/** The global options, as commander hands them over. */
interface GlobalOptions {
  readonly logFormat: 'text' | 'json';
  readonly verbose?: true;
  readonly quiet?: true;
  readonly color: boolean;
  readonly profileDir?: readonly string[];
  readonly collectionDir?: readonly string[];
}

/** What every verb gets: where to speak, and where the user's files are. */
export interface Context {
  readonly log: Logger;
  readonly screen: Screen;
  readonly level: Level;
  readonly logFormat: 'text' | 'json';
  /** The directory of package.json: the product's own collections, profiles and Containerfile lie here. */
  readonly programDir: string;
  /** Absolute paths of --profile-dir, in order; inside the builder also of its mount points. */
  readonly profileDirs: readonly string[];
  readonly collectionDirs: readonly string[];
}

/** True inside the builder container, where plans are executed and not sent elsewhere. */
export const IN_BUILDER = process.env['IMGBUILD_BUILDER'] === '1';

/** The directory of the installed program, from dist/commands/. */
export const PROGRAM_DIR = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Reads the global options of a verb's command. */
export async function contextOf(command: Command): Promise<Context> {
  const options = command.optsWithGlobals<GlobalOptions>();
  const screen = createScreen(process.stderr, process.env, { color: options.color });
  const level = levelOf(options);
  return {
    log: options.logFormat === 'json' ? await createJsonLogger(level) : createTextLogger(screen, level),
    screen,
    level,
    logFormat: options.logFormat,
    programDir: PROGRAM_DIR,
    profileDirs: given(options.profileDir ?? [], '/profiles'),
    collectionDirs: given(options.collectionDir ?? [], '/collections'),
  };
}

function levelOf(options: Pick<GlobalOptions, 'verbose' | 'quiet'>): Level {
  if (options.verbose === true) return 'debug';
  return options.quiet === true ? 'warn' : 'info';
}

function given(dirs: readonly string[], mountPoint: string): string[] {
  const absolute = dirs.map((dir) => path.resolve(dir));
  return IN_BUILDER && existsSync(mountPoint) ? [...absolute, mountPoint] : absolute;
}

/** The cache that all engines share: $IMGBUILD_CACHE_DIR, else imgbuild below the user's cache directory. */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const own = env['IMGBUILD_CACHE_DIR'] ?? '';
  if (own !== '') return path.resolve(own);
  if (IN_BUILDER) return '/cache';
  const caches = env['XDG_CACHE_HOME'] ?? '';
  // The XDG base directory specification says that relative paths are to be ignored.
  return path.join(path.isAbsolute(caches) ? caches : path.join(homedir(), '.cache'), 'imgbuild');
}

/** Where images go: --output, else $IMGBUILD_OUTPUT_DIR, else ./obj; inside the builder its mount point. */
export function outputDirectory(option: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const wanted = option ?? env['IMGBUILD_OUTPUT_DIR'] ?? '';
  if (wanted !== '') return path.resolve(wanted);
  if (!IN_BUILDER) return path.resolve('obj');
  return existsSync('/obj') ? '/obj' : '/out';
}

/** Writes a result to standard output. */
export function print(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Writes a result as one JSON document. */
export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Rows as aligned columns, two spaces apart; the last column is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, n) => {
      widths[n] = Math.max(widths[n] ?? 0, cell.length);
    });
  }
  return rows
    .map((row) => row.map((cell, n) => (n === row.length - 1 ? cell : cell.padEnd(widths[n] ?? 0))).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

let wantedExit: ExitCode = EXIT.ok;

/** For a verb that did its work and has something to say by its exit code (findings, drift). */
export function finishWith(code: ExitCode): void {
  wantedExit = code;
}

/** What the verb asked for; read by the command line at the end. */
export function wantedExitCode(): ExitCode {
  return wantedExit;
}

/** Option parser: adds another value of a repeatable option. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value];
}

/** Option parser for sizes like `10G`. */
export function sizeArgument(text: string): number {
  const size = parseSize(text);
  if (size === undefined) throw new InvalidArgumentError('A size like 500M or 10G is wanted.');
  return size;
}

/** Option parser for durations like `7d`, in seconds. */
export function durationArgument(text: string): number {
  const seconds = parseDuration(text);
  if (seconds === undefined) throw new InvalidArgumentError('A duration like 12h, 7d or 2w is wanted.');
  return seconds;
}
