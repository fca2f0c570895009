import { statSync } from 'node:fs';
import type { Command } from 'commander';
import { inspectionOf, type Inspection } from '../look/inspection.js';
import { inspectionLines } from '../look/inspection-text.js';
import { originOf } from '../look/origin.js';
import { withImage } from '../verify/read/image.js';
import { contextOf, print, printJson } from './common.js';
import { imageOf, lookInto, lookOptions, type LookOptions, type Workplace } from './look-run.js';

/** `imgbuild inspect`. */
export function register(program: Command): void {
  const command = program
    .command('inspect')
    .description(
      'Tells what an image is, of imgbuild or of anybody else: format and sizes, partitions and all that is in them, the ' +
        'system with its packages, kernels and boot files, and what made it. Nothing is mounted, and the image is only read.',
    )
    .argument('<image>', 'a file, or the name of a profile: what its newest build has made');
  lookOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  imgbuild inspect deb12-amd64-lxc
  imgbuild inspect appliance.ova --json
  imgbuild inspect server.raw.zst --passphrase-file disk.key
  imgbuild inspect server.raw.zst --passphrase-command 'pass show server/disk'`,
    )
    .action(async (name: string, options: LookOptions, self: Command) => {
      const context = await contextOf(self);
      const image = imageOf(name, options.output);
      const found = await lookInto(context, 'inspect', [image], options, (place) => inspect(image, place));
      if (found === undefined) return;
      // The builder knows the image by another name.
      const inspection = { ...found, image };
      if (options.json === true) printJson(inspection);
      else print(inspectionLines(inspection).join('\n'));
    });
}

async function inspect(image: string, place: Workplace): Promise<Inspection> {
  const { size, blocks } = statSync(image);
  const file = { image, bytes: size, allocatedBytes: blocks * 512 };
  return await withImage(image, { ...place, judged: false, digests: false }, ({ facts }) =>
    Promise.resolve(inspectionOf(file, facts, originOf(image))),
  );
}
