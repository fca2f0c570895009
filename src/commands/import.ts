import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Command } from 'commander';
import { parseYaml } from '../config/document.js';
import { importDisk, isDiskFile } from '../config/import-disk.js';
import { yamlLibrary } from '../config/lazy.js';
import { loadLayout } from '../config/load-layout.js';
import { loadProject } from '../config/load.js';
import { ConfigError, EXIT, formatProblem, UserError, type Problem } from '../errors.js';
import { contextOf, finishWith, print, type Context } from './common.js';

interface Options {
  readonly output?: string;
}

/** `imgbuild import`. */
export function register(program: Command): void {
  program
    .command('import')
    .summary('bring over files of the predecessor')
    .description(
      'Reads a disk file of the predecessor (diskimage.yml) and writes the layout that it describes, as profiles and ' +
        '`imgbuild assemble --layout` take it. What could not be mapped is told, with its line.',
    )
    .argument('<file>', 'the disk file, YAML or JSON; it is only read')
    .option('-o, --output <file>', 'where to; else to standard output')
    .addHelpText(
      'after',
      `
Arrays and encryption that the file does not mention are off, and the passphrase is not copied.

Examples:
  imgbuild import diskimage.yml --output disk.yaml
  imgbuild import diskimage.yml > disk.yaml && imgbuild assemble rootfs.tar.zst --layout disk.yaml`,
    )
    .action(async (file: string, options: Options, command: Command) => {
      const context = await contextOf(command);
      const { text, notes } = convert(file);
      for (const note of notes) context.log.warn(formatProblem(note));
      if (options.output === undefined) print(text);
      else writeNew(options.output, text);
      const wrong = problemsOf(context, text, options.output ?? 'the new layout');
      for (const problem of wrong) context.log.error(formatProblem(problem));
      if (wrong.length > 0) finishWith(EXIT.findings);
    });
}

function convert(file: string): { readonly text: string; readonly notes: readonly Problem[] } {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`${file} cannot be read`, { cause: error });
  }
  if (/^\s*(?:OCONF|OFEAT|DBUILD)_\w+=/m.test(content)) {
    throw new UserError(`${file} is a profile of the predecessor, and only its disk files are brought over`, {
      hint: '`imgbuild options` lists what profiles say now',
    });
  }
  const problems: Problem[] = [];
  const source = parseYaml(content, file, problems);
  if (problems.length === 0 && !isDiskFile(source.value)) {
    throw new UserError(`${file} is no disk file of the predecessor: it has no list of volumes`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const { firmware, disk, notes } = importDisk(source, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const head = `# Made by imgbuild import of ${path.basename(file)}.\n`;
  const tree = { options: { 'disk.firmware': firmware }, disk };
  return { text: head + yamlLibrary().stringify(tree, { lineWidth: 120 }), notes };
}

function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx' });
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST';
    if (!exists) throw error;
    throw new UserError(`${file} exists already`, { hint: 'choose another name with --output', cause: error });
  }
}

/** What is wrong with the layout that came of it, by the rules of today: sizes were never checked before. */
function problemsOf(context: Context, text: string, file: string): readonly Problem[] {
  const project = loadProject({ programDir: context.programDir });
  const layout = { text, file, directory: process.cwd() };
  try {
    loadLayout(project, { name: 'import', suite: 'bookworm', architecture: 'amd64', layout, sets: [], formats: [] });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}
