import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { Option, type Command } from 'commander';
import { loadLayout, type LayoutRequest } from '../config/load-layout.js';
import { loadProject } from '../config/load.js';
import { readSecrets } from '../config/secrets.js';
import { encryptedBytes } from '../disk/room.js';
import { EXIT, UserError, type ExitCode } from '../errors.js';
import type { AssembleRequest } from '../exec/assemble-tarball.js';
import { builderIdentity } from '../exec/identity.js';
import type { BuildEvent } from '../exec/types.js';
import { mountWork } from '../exec/workplace.js';
import { parseEvent } from '../host/launch.js';
import { MACHINE_NEED } from '../host/memory.js';
import { INSIDE } from '../host/mounts.js';
import { readRecipe } from '../host/recipe.js';
import { interruption } from '../interrupt.js';
import { makePlan } from '../plan/plan.js';
import type { BuildPlan } from '../plan/types.js';
import { followBuilds } from '../progress.js';
import { describeError } from '../report.js';
import { collectEvents, ensureDirectory } from './build-events.js';
import { cacheDirectory, contextOf, finishWith, IN_BUILDER, outputDirectory, type Context } from './common.js';
import { placeFiles, runInBuilder } from './in-builder.js';
import { addPlanOptions, settingsOf, type PlanOptions } from './request.js';
import { firstLine } from './first-line.js';

interface Options extends PlanOptions {
  readonly layout?: string;
  readonly name?: string;
  readonly output?: string;
  readonly engine?: string;
  readonly force?: true;
  readonly json?: true;
  readonly launched?: true;
}

/** `imgbuild assemble`. */
export function register(program: Command): void {
  addPlanOptions(
    program
      .command('assemble')
      .summary('make disk images of a root filesystem that is there already')
      .description(
        'Makes disk images of the tarball of a root filesystem, of imgbuild or of any other Debian. What its disks need ' +
          'is configured in a private copy first: fstab, crypttab, mdadm.conf, GRUB and the initramfs.',
      )
      .argument('<tarball>', 'the root filesystem, packed with zstd, gzip, xz or not at all; it is only read'),
  )
    .option('-l, --layout <file>', 'the disks, as a profile writes them below `disk`; else the ready-made layout')
    .option('--name <name>', 'what the images are called; else after the tarball')
    .option('-o, --output <dir>', 'where images go ($IMGBUILD_OUTPUT_DIR, else ./obj)')
    .option('--engine <name>', 'docker, podman or embedded; else the first that works ($IMGBUILD_ENGINE)')
    .option('--force', 'configure the system again, even if the same was done before')
    .option('--json', 'print the results as JSON')
    .addOption(new Option('--launched', 'take the request from standard input').hideHelp())
    .addHelpText(
      'after',
      `
The tarball has to bring the packages that its disk needs: a kernel, initramfs-tools, GRUB, and mdadm, cryptsetup, lvm2
or btrfs-progs where the layout has such things. What is missing is named.

Examples:
  imgbuild assemble rootfs.tar.zst --layout disk.yaml
  imgbuild assemble rootfs.tar.zst --set disk.firmware=bios --set disk.size=8G --format qcow2`,
    )
    .action(async (tarball: string, options: Options, command: Command) => {
      const context = await contextOf(command);
      if (options.launched === true) await assembleLaunched();
      else await assemble(context, tarball, options);
    });
}

async function assemble(context: Context, tarball: string, options: Options): Promise<void> {
  const layout = layoutOf(tarball, options);
  // Whatever the tarball turns out to be: what is wrong with the layout is told before anything starts.
  const project = loadProject({ programDir: context.programDir });
  const { config } = loadLayout(project, { ...layout, suite: 'bookworm', architecture: 'amd64' });
  const outputDir = ensureDirectory(outputDirectory(options.output), 'output', '--output DIR');
  const cacheDir = ensureDirectory(cacheDirectory(), 'cache', 'IMGBUILD_CACHE_DIR');
  const recipe = await readRecipe(context.programDir);
  const digest = IN_BUILDER ? (process.env['IMGBUILD_BUILDER_DIGEST'] ?? '') : recipe.digest;
  const settings = settingsOf(
    { keep: 0, nameStyle: 'imgbuild', ...(options.force === undefined ? {} : { force: options.force }) },
    { cacheDir, outputDir, workDir: '', builderDigest: builderIdentity(digest) },
    process.env,
  );
  const request: AssembleRequest = {
    tarball,
    layout,
    programDir: context.programDir,
    secrets: readSecrets(config.secrets),
    settings,
  };
  const collected = collectEvents(context, followBuilds(context));
  try {
    const exit = IN_BUILDER
      ? await assembleHere(
          { ...request, settings: { ...settings, workDir: mountWork('/work', 'auto') } },
          collected.onEvent,
          interruption(),
        )
      : await assembleByEngine(context, request, options, makePlan(config), collected.onEvent);
    if (exit !== EXIT.ok && collected.failures.length === 0 && !interruption().aborted) {
      throw new UserError(`the builder ended with status ${String(exit)}`, {
        exitCode: exit === EXIT.environment ? EXIT.environment : EXIT.step,
        hint: 'the lines above tell why; --verbose tells more',
      });
    }
    finishWith(exit as ExitCode);
  } finally {
    collected.finish(outputDir, options.json ?? false, undefined);
  }
}

function layoutOf(tarball: string, options: Options): Omit<LayoutRequest, 'suite' | 'architecture'> {
  if (statSync(tarball, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new UserError(`${tarball} is ${existsSync(tarball) ? 'no file' : 'not there'}`);
  }
  const name =
    options.name ?? `${path.basename(tarball).replace(/(?:_rootfs.*)?(?:\.tar(?:\.\w+)?|\.t\w+)$/, '')}-disk`;
  if (!/^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(name)) {
    throw new UserError(`"${name}" cannot be part of the names of files`, { hint: 'choose another with --name' });
  }
  const { layout: file, set = [], format = [] } = options;
  const base = { name, sets: set, formats: format };
  if (file === undefined) return base;
  try {
    return { ...base, layout: { text: readFileSync(file, 'utf8'), file, directory: path.dirname(path.resolve(file)) } };
  } catch (error) {
    throw new UserError(`the layout ${file} cannot be read`, { cause: error });
  }
}

/** Runs in the builder; what fails is an event, as with builds. */
async function assembleHere(
  request: AssembleRequest,
  emit: (event: BuildEvent) => void,
  signal: AbortSignal,
): Promise<number> {
  const { assembleTarball } = await import('../exec/assemble-tarball.js');
  try {
    emit({ type: 'result', result: await assembleTarball(request, emit, signal) });
    return EXIT.ok;
  } catch (error) {
    signal.throwIfAborted();
    const { exitCode, message, detail, hint } = describeError(error, false);
    const stack = exitCode === EXIT.bug && error instanceof Error ? (error.stack ?? '') : '';
    const tail = `${detail.join('\n')}${stack}`;
    const failure = { profile: request.layout.name, exitCode, message, ...(tail === '' ? {} : { tail }) };
    emit({ type: 'error', error: { ...failure, ...(hint === undefined ? {} : { hint }) } });
    return exitCode;
  }
}

/** The builder's side of a launch: the request on standard input, events on standard output. */
async function assembleLaunched(): Promise<void> {
  const gone = new AbortController();
  const signal = AbortSignal.any([interruption(), gone.signal]);
  const line = await firstLine(() => {
    gone.abort(new UserError('the launcher is gone'));
  });
  const exit = await assembleHere(
    JSON.parse(line) as AssembleRequest,
    (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
    signal,
  );
  finishWith(exit as ExitCode);
  process.stdin.destroy();
}

async function assembleByEngine(
  context: Context,
  request: AssembleRequest,
  options: Options,
  { disks }: BuildPlan,
  onEvent: (event: BuildEvent) => void,
): Promise<number> {
  const { tarball, settings } = request;
  const { mounts, inside } = placeFiles([tarball]);
  const places = { cacheDir: INSIDE.cache, outputDir: INSIDE.output, workDir: INSIDE.work };
  const [file = ''] = inside;
  const launched: AssembleRequest = {
    ...request,
    tarball: file,
    programDir: INSIDE.program,
    settings: { ...settings, ...places },
  };
  return await runInBuilder(context, {
    argv: ['assemble', '--launched', '--', file],
    mounts: [...mounts, { source: settings.outputDir, target: INSIDE.output, readonly: false }],
    engine: options.engine,
    signal: interruption(),
    // One line: the builder must know where the request ends while standard input stays open.
    input: `${JSON.stringify(launched)}\n`,
    room: MACHINE_NEED + encryptedBytes(disks) + 4 * statSync(tarball).size,
    onOutput: (text) => {
      const event = parseEvent(text);
      if (event !== undefined) onEvent(event);
    },
    onError: (text) => {
      onEvent({ type: 'log', level: 'info', text });
    },
  });
}
