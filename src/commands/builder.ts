import type { Command } from 'commander';
import { EXIT, UserError, type ExitCode } from '../errors.js';
import { registerHandlers, removeHandlers } from '../exec/handlers.js';
import { engineName, findEngine, type Engine } from '../host/engine.js';
import { ensureBuilder } from '../host/image.js';
import { listBuilders, removeBuilders } from '../host/inventory.js';
import { hostOf, type Host } from '../host/program.js';
import { readRecipe } from '../host/recipe.js';
import { interruption } from '../interrupt.js';
import { formatBytes } from '../units.js';
import { cacheDirectory, contextOf, finishWith, IN_BUILDER, print, printJson, table, type Context } from './common.js';
import { runInBuilder } from './in-builder.js';

interface EngineOption {
  readonly engine?: string;
}

interface BuildOptions extends EngineOption {
  readonly rebuild?: true;
  readonly base?: string;
  readonly aptProxy?: string;
}

/** `imgbuild builder build|status|handlers|rm`. */
export function register(program: Command): void {
  const builder = program
    .command('builder')
    .description(
      'Makes, shows and removes the builder: the container image, or for the embedded engine the directory, with all ' +
        'tools that images need. `imgbuild build` makes it by itself when it is missing or its recipe has changed.',
    )
    .addHelpText(
      'after',
      `
Examples:
  imgbuild builder build                make it now
  imgbuild builder status               which there are, and whether they are of this version
  imgbuild builder handlers             let this machine run programs of other architectures, until it is restarted
  imgbuild builder rm --engine podman   remove those of Podman`,
    );
  engineOption(builder.command('build'))
    .summary('make the builder now')
    .description('Makes the builder, when it is not there yet; its base comes from a registry or the Debian archive.')
    .option('--rebuild', 'make it anew, with the newest packages')
    .option('--base <image>', 'build on this image instead of the official one')
    .option('--apt-proxy <url>', 'proxy for package downloads; it does not stay in the builder')
    .addHelpText('after', '\nExamples:\n  imgbuild builder build\n  imgbuild builder build --engine podman --rebuild')
    .action(async (options: BuildOptions, command: Command) => {
      await build(await contextOf(command), options);
    });
  engineOption(builder.command('status'))
    .summary('show what there is')
    .description('Shows the builders of an engine, and whether they are of this version.')
    .option('--json', 'as one JSON document')
    .action(async (options: EngineOption & { json?: true }, command: Command) => {
      await status(await contextOf(command), options);
    });
  engineOption(builder.command('handlers'))
    .summary('let this machine run programs of other architectures')
    .description(
      "Makes the builder's QEMU the handler for programs of other architectures on this machine, until it is restarted. " +
        'Builds need it on kernels before 6.7 alone; with later ones they bring their own (docs/architectures.md).',
    )
    .option('--remove', 'take these handlers away again')
    .action(async (options: EngineOption & { remove?: true }, command: Command) => {
      const context = await contextOf(command);
      if (IN_BUILDER) await handlersHere(options.remove === true);
      else {
        const argv = ['builder', 'handlers', ...(options.remove === true ? ['--remove'] : [])];
        finishWith((await runInBuilder(context, { argv, engine: options.engine, signal: interruption() })) as ExitCode);
      }
    });
  engineOption(builder.command('rm'))
    .summary('remove it')
    .description('Removes all builders of an engine, of other versions, too.')
    .action(async (options: EngineOption, command: Command) => {
      const removed = await withEngine(await contextOf(command), options, removeBuilders);
      print(removed.length === 0 ? 'there is no builder' : removed.map((name) => `removed ${name}`).join('\n'));
    });
}

async function handlersHere(remove: boolean): Promise<void> {
  const context = { signal: interruption(), log: () => undefined };
  const names = remove ? await removeHandlers(context) : await registerHandlers(context);
  const change = remove ? 'has no handler of ours any more' : 'is run by QEMU until this machine is restarted';
  print(names.length === 0 ? 'nothing had to be done' : names.map((name) => `${name} ${change}`).join('\n'));
}

function engineOption(command: Command): Command {
  return command.option('--engine <name>', 'docker, podman or embedded; else the first that works ($IMGBUILD_ENGINE)');
}

async function withEngine<T>(
  context: Context,
  options: EngineOption,
  use: (host: Host, engine: Engine) => Promise<T>,
): Promise<T> {
  if (IN_BUILDER) {
    throw new UserError('This already is the builder', { hint: 'run it outside', exitCode: EXIT.environment });
  }
  const host = hostOf(context.programDir, cacheDirectory());
  const { engine, passedOver } = await findEngine(host, engineName(options.engine ?? host.env['IMGBUILD_ENGINE']));
  try {
    for (const { name, detail } of passedOver) context.log.warn(`${name} is passed over: ${detail}`);
    return await use(host, engine);
  } finally {
    await engine.close();
  }
}

async function build(context: Context, options: BuildOptions): Promise<void> {
  await withEngine(context, options, async (host, engine) => {
    const progress = (line: string, detail?: boolean): void => {
      if (detail !== true) context.log.info(line);
      else if (context.level === 'debug') context.log.debug(line);
      else context.screen.live(line.slice(0, context.screen.width() - 1));
    };
    const wanted = {
      signal: interruption(),
      rebuild: options.rebuild ?? false,
      ...(options.base === undefined ? {} : { base: options.base }),
      ...(options.aptProxy === undefined ? {} : { aptProxy: options.aptProxy }),
    };
    try {
      const made = await ensureBuilder(host, engine, wanted, progress);
      context.screen.live('');
      print(made.kind === 'image' ? made.image : made.root);
    } finally {
      context.screen.live('');
    }
  });
}

async function status(context: Context, options: EngineOption & { json?: true }): Promise<void> {
  await withEngine(context, options, async (host, engine) => {
    const recipe = await readRecipe(host.program.dir);
    const builders = await listBuilders(host, engine);
    if (options.json === true) {
      printJson({ engine: engine.name, version: engine.version, recipe: recipe.digest, builders });
      return;
    }
    const rows = builders.map(({ name, state, bytes, created }) => [
      name,
      state,
      bytes === undefined ? '-' : formatBytes(bytes),
      created ?? '-',
    ]);
    if (!builders.some(({ state }) => state === 'current')) {
      context.log.info('this version has no builder yet; the first build makes it, or imgbuild builder build');
    }
    if (rows.length > 0) print(table([['BUILDER', 'STATE', 'SIZE', 'MADE'], ...rows]));
  });
}
