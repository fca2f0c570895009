import { lstatSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { EXIT, formatProblem, UserError } from '../errors.js';
import { runImport, type Result } from '../import/run.js';
import { publishFiles } from '../import/stage.js';
import { contextOf, finishWith, print, printJson, type Context } from './common.js';

interface Options {
  readonly output?: string;
  readonly force?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

/** `imgbuild import`. */
export function register(program: Command): void {
  program
    .command('import')
    .summary('bring over profiles, collections and disk files of the predecessor')
    .description(
      'Reads profiles, defaults, disk files and whole collections of the predecessor and writes those of imgbuild, ' +
        'which are checked at once. What could not be mapped is told, with its line. The files that are read stay as ' +
        'they are.',
    )
    .argument('<file...>', 'files, directories of collections, or the directory that mkimage lies in')
    .option(
      '-o, --output <dir>',
      'directory to write to (profiles/, collections/local/, defaults.yaml) or, for a single document, a .yaml file; else a single document goes to standard output',
    )
    .option('--force', 'replace files that exist')
    .option('--dry-run', 'only report')
    .option('--json', 'report as JSON on standard output')
    .addHelpText(
      'after',
      `
Passwords in clear and passphrases are not copied: they come from the environment. Hooks run unchanged, through functions
like those they were written for. The exit code is 7 when something could not be mapped or is refused by today's rules.

Examples:
  imgbuild import ~/dbuild --output .
  imgbuild import ~/dbuild/profiles/web ~/dbuild/collections/local/web --output . --dry-run
  imgbuild import diskimage.yml > disk.yaml && imgbuild assemble rootfs.tar.zst --layout disk.yaml`,
    )
    .action(async (files: readonly string[], options: Options, command: Command) => {
      const context = await contextOf(command);
      const staging = mkdtempSync(path.join(tmpdir(), 'imgbuild-import-'));
      try {
        importInto(context, staging, files, options);
      } finally {
        rmSync(staging, { recursive: true, force: true });
      }
    });
}

function importInto(context: Context, staging: string, files: readonly string[], options: Options): void {
  const single = options.output !== undefined && /\.ya?ml$/.test(options.output) && !isDirectory(options.output);
  const output = single || options.output === undefined ? process.cwd() : path.resolve(options.output);
  const result = runImport(files, { programDir: context.programDir, staging, output });
  const [first] = result.files;
  const alone = result.made.length === 1 && result.files.length === 1 ? first : undefined;
  const toScreen = options.output === undefined && options.dryRun !== true;
  if ((single || toScreen) && alone === undefined) {
    throw new UserError(`this makes ${String(result.files.length)} files`, {
      hint: 'name a directory with --output, such as --output .',
    });
  }
  const written = options.dryRun !== true && options.output !== undefined;
  if (written && single && alone !== undefined) {
    const target = path.resolve(options.output);
    const name = path.basename(target);
    renameSync(path.join(staging, alone), path.join(staging, name));
    publishFiles(staging, path.dirname(target), [name], options.force === true);
  } else if (written) {
    publishFiles(staging, output, result.files, options.force === true);
  }
  report(context, result, options, { staging, written });
  if (result.problems.length > 0 || result.notes.some(({ kind }) => kind === 'lost')) finishWith(EXIT.findings);
}

function report(
  context: Context,
  { made, files, notes, problems }: Result,
  options: Options,
  { staging, written }: { readonly staging: string; readonly written: boolean },
): void {
  if (options.json === true) {
    const content = (file: string): { readonly content?: string } =>
      written || made.some(({ kind }) => kind === 'collection')
        ? {}
        : { content: readFileSync(path.join(staging, file), 'utf8') };
    printJson({ written, made, files: files.map((file) => ({ path: file, ...content(file) })), notes, problems });
    return;
  }
  for (const note of notes) {
    if (note.kind === 'lost') context.log.warn(formatProblem({ ...note, message: `not mapped: ${note.message}` }));
    else context.log.info(formatProblem(note));
  }
  for (const problem of problems) context.log.error(formatProblem(problem));
  const [first] = files;
  if (!written && options.dryRun !== true && first !== undefined)
    print(readFileSync(path.join(staging, first), 'utf8'));
  if (options.output === undefined && options.dryRun !== true) return;
  for (const { from, path: to } of made) context.log.info(`${from} → ${to}`);
  const lost = notes.filter(({ kind }) => kind === 'lost').length;
  const remarks = `${String(lost)} things could not be mapped, ${String(problems.length)} are refused by today's rules`;
  context.log.info(`${written ? 'written' : 'nothing written'}: ${String(files.length)} files; ${remarks}`);
}

function isDirectory(name: string): boolean {
  return lstatSync(name, { throwIfNoEntry: false })?.isDirectory() === true;
}
