import type { Command } from 'commander';
import { UserError } from '../errors.js';
import { formatBytes } from '../units.js';
import { withCache } from './cache-lock.js';
import {
  planPrune,
  sizesByKind,
  totalBytes,
  type CacheContent,
  type CacheFile,
  type PruneRequest,
} from './cache-prune.js';
import { removeFromCache, scanCache, warnOfKept } from './cache-scan.js';
import { cacheDirectory, contextOf, durationArgument, print, printJson, sizeArgument, table } from './common.js';

interface PruneOptions {
  readonly all?: true;
  readonly olderThan?: number;
  readonly maxSize?: number;
  readonly dryRun?: true;
  readonly json?: true;
}

/** `imgbuild cache ls|size|prune`. */
export function register(program: Command): void {
  const cache = program
    .command('cache')
    .description(
      'Shows and prunes what builds have cached: finished stages, downloaded packages, states of archives. Nothing in ' +
        'it is needed; what is missing is made again. It lies in $IMGBUILD_CACHE_DIR, else in imgbuild below ' +
        '$XDG_CACHE_HOME or ~/.cache.',
    )
    .addHelpText(
      'after',
      `
Examples:
  imgbuild cache size                               how much room it takes
  imgbuild cache ls                                 the finished stages in it
  imgbuild cache prune --older-than 2w --dry-run    what would go that was not used for two weeks`,
    );
  cache
    .command('ls')
    .summary('list finished stages')
    .description('Lists finished stages, least recently used last. Sizes are of all pieces, also of shared ones.')
    .option('--json', 'as one JSON document')
    .action(async (options: { json?: true }) => {
      await list(options.json === true);
    });
  cache
    .command('size')
    .summary('how much room each kind takes')
    .description('Says how much room each kind of things takes.')
    .option('--json', 'as one JSON document')
    .action(async (options: { json?: true }) => {
      await size(options.json === true);
    });
  cache
    .command('prune')
    .summary('remove what is not needed any more')
    .description(
      'Removes what no stage needs and what dead builds left; with options also what has not been used for long. ' +
        'Safe at any time: while a build runs, all that it may read stays.',
    )
    .option('--older-than <duration>', 'also what was not used for so long (12h, 7d, 2w)', durationArgument)
    .option('--max-size <size>', 'also the least recently used, until no more is left than this (10G)', sizeArgument)
    .option('--all', 'everything but embedded builders, which imgbuild builder removes')
    .option('-n, --dry-run', 'say what would be removed, and remove nothing')
    .option('--json', 'say what was removed as one JSON document')
    .addHelpText('after', '\nExample:\n  imgbuild cache prune --older-than 2w --max-size 10G')
    .action(async (options: PruneOptions, command: Command) => {
      await prune(options, command);
    });
}

async function list(json: boolean): Promise<void> {
  const content = await scanCache(cacheDirectory());
  const sizes = new Map(content.frames.map((frame) => [frame.name, frame.bytes]));
  const rows = [...content.stages]
    .sort((a, b) => b.used - a.used)
    .map(({ key, stage, profile, created, used, frames }) => {
      const bytes = [...new Set(frames)].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
      return { key, stage, profile, created, used, bytes };
    });
  if (json) {
    printJson(rows.map((row) => ({ ...row, created: iso(row.created), used: iso(row.used) })));
  } else if (rows.length > 0) {
    const header = ['STAGE', 'SIZE', 'USED', 'PROFILE', 'KEY'];
    const lines = rows.map((row) => [
      row.stage,
      formatBytes(row.bytes),
      day(row.used),
      row.profile,
      row.key.slice(0, 12),
    ]);
    print(table([header, ...lines]));
  }
}

const KINDS: Readonly<Record<keyof CacheContent, string>> = {
  stages: 'indexes of stages',
  frames: 'root filesystems of stages',
  debs: 'packages',
  others: 'states of archives and of builds, logs',
  builders: 'embedded builders',
  leftovers: 'leftovers of dead builds',
};

async function size(json: boolean): Promise<void> {
  const directory = cacheDirectory();
  const content = await scanCache(directory);
  const sizes = sizesByKind(content);
  const total = totalBytes(content);
  if (json) {
    printJson({ directory, total, ...sizes });
    return;
  }
  const rows = (Object.keys(KINDS) as (keyof CacheContent)[]).map((kind) => [formatBytes(sizes[kind]), KINDS[kind]]);
  print(table([...rows, [formatBytes(total), `altogether in ${directory}`]]));
}

async function prune(options: PruneOptions, command: Command): Promise<void> {
  if (options.all === true && (options.olderThan !== undefined || options.maxSize !== undefined)) {
    throw new UserError('--all already removes everything', { hint: 'leave out --older-than and --max-size' });
  }
  const { log } = await contextOf(command);
  const directory = cacheDirectory();
  await withCache(directory, async (alone) => {
    const plan = planPrune(await scanCache(directory), requestOf(options, alone));
    const kept = options.dryRun === true ? [] : await removeFromCache(directory, plan.remove);
    const removed = plan.remove.filter((file) => !kept.includes(file));
    report(directory, removed, options);
    warnOfKept(log, kept);
    if (plan.postponed > 0) {
      log.warn(
        `a build may be running: ${String(plan.postponed)} things that it may be using are left for the next time`,
      );
    }
  });
}

function requestOf(options: PruneOptions, alone: boolean): PruneRequest {
  return {
    all: options.all === true,
    now: Math.floor(Date.now() / 1000),
    alone,
    ...(options.olderThan === undefined ? {} : { olderThan: options.olderThan }),
    ...(options.maxSize === undefined ? {} : { maxSize: options.maxSize }),
  };
}

function report(directory: string, removed: readonly CacheFile[], options: PruneOptions): void {
  const bytes = removed.reduce((sum, file) => sum + file.bytes, 0);
  const dryRun = options.dryRun === true;
  if (options.json === true) {
    printJson({ directory, dryRun, bytes, removed: removed.map(({ path, bytes: size }) => ({ path, bytes: size })) });
    return;
  }
  if (dryRun) for (const file of removed) print(file.path);
  const count = `${String(removed.length)} ${removed.length === 1 ? 'thing' : 'things'}, ${formatBytes(bytes)}`;
  print(`${dryRun ? 'would remove' : 'removed'} ${count}`);
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function day(seconds: number): string {
  return iso(seconds).slice(0, 16).replace('T', ' ');
}
