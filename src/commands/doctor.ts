import type { Command } from 'commander';
import { EXIT } from '../errors.js';
import { examineBuilder, examineHost, type Finding } from '../host/checks.js';
import { engineName } from '../host/engine.js';
import { hostOf } from '../host/program.js';
import { styled, type Screen } from '../screen.js';
import { cacheDirectory, contextOf, finishWith, IN_BUILDER, outputDirectory, print, printJson } from './common.js';

interface Options {
  readonly engine?: string;
  readonly output?: string;
  readonly json?: true;
}

/** `imgbuild doctor`. */
export function register(program: Command): void {
  program
    .command('doctor')
    .description(
      'Looks at what a build needs on this machine: engine, namespaces, memory, disk. Each finding comes with the ' +
        'command that mends it. Exit code 3 when no build could work.',
    )
    .option('--engine <name>', 'look at this engine alone: docker, podman or embedded ($IMGBUILD_ENGINE)')
    .option('-o, --output <dir>', 'where images will go')
    .option('--json', 'as one JSON document')
    .addHelpText('after', '\nExamples:\n  imgbuild doctor\n  imgbuild doctor --engine embedded')
    .action(async (options: Options, command: Command) => {
      const context = await contextOf(command);
      const outputDir = outputDirectory(options.output);
      const host = hostOf(context.programDir, cacheDirectory());
      const asked = engineName(options.engine ?? host.env['IMGBUILD_ENGINE']);
      const findings = IN_BUILDER
        ? await examineBuilder(host.cacheDir, outputDir)
        : await examineHost(host, asked, outputDir);
      if (options.json === true) printJson({ findings });
      else print(findings.flatMap((finding) => lines(finding, context.screen)).join('\n'));
      if (findings.some(({ level }) => level === 'fail')) finishWith(EXIT.environment);
    });
}

const COLORS = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function lines({ name, level, detail, fix }: Finding, screen: Screen): readonly string[] {
  // Colours are for the terminal of standard error; the result may be on its way into a file.
  const mark = process.stdout.isTTY ? styled(screen, COLORS[level], level.padEnd(4)) : level.padEnd(4);
  return [`${mark}  ${name}: ${detail}`, ...(fix === undefined ? [] : [`      → ${fix}`])];
}
