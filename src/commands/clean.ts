import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { nearest } from '../config/suggest.js';
import { UserError } from '../errors.js';
import { formatBytes } from '../units.js';
import { withCache } from './cache-lock.js';
import { GRACE, type CacheFile } from './cache-prune.js';
import { removeFromCache, scanCache, warnOfKept } from './cache-scan.js';
import { cacheDirectory, contextOf, outputDirectory, print } from './common.js';
import { outputsOf, profilesWithOutputs, removeOutputs, unfinishedOutputs, type OutputFile } from './outputs.js';

interface Options {
  readonly output?: string;
  readonly all?: true;
  readonly yes?: true;
  readonly dryRun?: true;
}

/** `imgbuild clean [PROFILE…]`. */
export function register(program: Command): void {
  program
    .command('clean')
    .description(
      'Removes what builds that were killed have left in the output directory and in the cache. With names of profiles ' +
        'it also removes their images, manifests and logs; other files stay. The cache has its own verb: imgbuild cache.',
    )
    .argument('[profile...]', 'profiles whose outputs are to be removed')
    .option('-o, --output <dir>', 'where the images are ($IMGBUILD_OUTPUT_DIR, else ./obj)')
    .option('--all', 'the outputs of all profiles')
    .option('-y, --yes', 'do not ask')
    .option('-n, --dry-run', 'say what would be removed, and remove nothing')
    .addHelpText('after', '\nExamples:\n  imgbuild clean\n  imgbuild clean deb12-amd64-lxc --yes')
    .action(async (profiles: string[], options: Options, command: Command) => {
      const { log } = await contextOf(command);
      const outputDir = outputDirectory(options.output);
      const outputs = await chosenOutputs(outputDir, profiles, options);
      if (outputs.length > 0 && options.dryRun !== true && options.yes !== true) await confirm(outputDir, outputs);
      await withCache(cacheDirectory(), async (alone) => {
        const left = await leftovers(outputDir, alone);
        let kept: readonly CacheFile[] = [];
        if (options.dryRun !== true) {
          await removeOutputs(outputDir, [...outputs, ...left.outputs]);
          kept = await removeFromCache(cacheDirectory(), left.cache);
        }
        const gone = left.cache.filter((file) => !kept.includes(file));
        report([...outputs, ...left.outputs, ...gone], options.dryRun === true);
        warnOfKept(log, kept);
        if (left.spared > 0) {
          log.warn(`a build may be running: ${String(left.spared)} directories that may be its own are left alone`);
        }
      });
    });
}

async function chosenOutputs(outputDir: string, profiles: readonly string[], options: Options): Promise<OutputFile[]> {
  if (options.all === true && profiles.length > 0) {
    throw new UserError('--all already means every profile', { hint: 'give either --all or names' });
  }
  const there = await profilesWithOutputs(outputDir);
  // As for a build, a profile may be named by its path.
  const names =
    options.all === true ? there : profiles.map((profile) => path.basename(profile).replace(/\.ya?ml$/, ''));
  for (const name of names) {
    if (there.includes(name)) continue;
    const near = nearest(name, there);
    throw new UserError(
      `there is nothing of ${name} in ${outputDir}`,
      near === undefined ? {} : { hint: `did you mean ${near}?` },
    );
  }
  return (await Promise.all(names.map((name) => outputsOf(outputDir, name)))).flat();
}

/** A running build looks like a dead one; only who has the cache to himself, or waits long enough, can tell. */
async function leftovers(outputDir: string, alone: boolean) {
  const now = Date.now() / 1000;
  const outputs = await unfinishedOutputs(outputDir);
  const cache = (await scanCache(cacheDirectory())).leftovers;
  const dead = {
    outputs: outputs.filter((file) => alone || now - file.changed > GRACE),
    cache: cache.filter((file) => alone || now - file.used > GRACE),
  };
  return { ...dead, spared: outputs.length + cache.length - dead.outputs.length - dead.cache.length };
}

async function confirm(outputDir: string, files: readonly OutputFile[]): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UserError('outputs are removed only on a word of yours', {
      hint: 'add --yes, or look first with --dry-run',
    });
  }
  for (const file of files) process.stderr.write(`  ${path.join(outputDir, file.path)}\n`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`Remove these ${String(files.length)} files, ${total(files)}? [y/N] `);
    if (!/^y(es)?$/i.test(answer.trim())) throw new UserError('nothing was removed');
  } finally {
    terminal.close();
  }
}

function report(files: readonly { readonly path: string; readonly bytes: number }[], dryRun: boolean): void {
  if (dryRun) for (const file of files) print(file.path);
  print(
    `${dryRun ? 'would remove' : 'removed'} ${String(files.length)} ${files.length === 1 ? 'thing' : 'things'}, ${total(files)}`,
  );
}

function total(files: readonly { readonly bytes: number }[]): string {
  return formatBytes(files.reduce((bytes, file) => bytes + file.bytes, 0));
}
