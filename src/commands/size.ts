import type { Command } from 'commander';
import { namedPackages } from '../config/collection.js';
import { UserError } from '../errors.js';
import { originOf } from '../look/origin.js';
import { FILE_LIST, measure, sharesOf, type Measured, type Sized } from '../look/size.js';
import { sizeLines } from '../look/size-text.js';
import { withImage } from '../verify/read/image.js';
import { contextOf, print, printJson, type Context } from './common.js';
import { imageOf, lookInto, lookOptions, type LookOptions, type Workplace } from './look-run.js';
import { projectOf } from './request.js';

/** No list of a package's files comes near. */
const LONGEST_LIST = 16 << 20;

/** `imgbuild size`. */
export function register(program: Command): void {
  const command = program
    .command('size')
    .description(
      'Tells what takes the room in an image: which packages, which collections brought them, and which files belong to no ' +
        'package. Sizes are those of the files, before any compression. The image is only read.',
    )
    .argument('<image>', 'a file, or the name of a profile: what its newest build has made');
  lookOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  imgbuild size deb12-amd64-lxc
  imgbuild size server.qcow2 --json`,
    )
    .action(async (name: string, options: LookOptions, self: Command) => {
      const context = await contextOf(self);
      const image = imageOf(name, options.output);
      const measured = await lookInto(context, 'size', [image], options, (place) => measureImage(image, place));
      if (measured === undefined) return;
      // The launcher knows collections and manifests, which the builder does not see.
      if (options.launched === true) {
        printJson(measured);
        return;
      }
      const shares = sharesOf(measured, collectionsOf(context, originOf(image)?.collections ?? []));
      if (options.json === true) printJson({ image, ...measured, collections: shares });
      else print(sizeLines(image, measured, shares).join('\n'));
    });
}

async function measureImage(image: string, place: Workplace): Promise<Measured> {
  return await withImage(image, { ...place, judged: false, digests: false }, async ({ facts, contents }) => {
    const { tree, unreadable, archive } = facts;
    const why = unreadable ?? archive?.defects[0];
    if (tree === undefined || why !== undefined) {
      throw new UserError(`${image} holds no system that can be read${why === undefined ? '' : `: ${why}`}`, {
        hint: 'imgbuild inspect says more',
      });
    }
    const paths = [...tree.entries.keys()].filter((path) => FILE_LIST.test(path));
    return measure(tree, await contents(paths, LONGEST_LIST));
  });
}

/** What collections name and lay over images, as they are now; those that are gone answer for nothing. */
function collectionsOf(context: Context, names: readonly string[]): Sized[] {
  const { collections } = projectOf(context);
  return names.flatMap((name) => {
    const found = collections.find(name);
    if (found === undefined) return [];
    return [
      {
        name,
        packages: namedPackages(found),
        paths: collections.content(found).overlays.flatMap(({ entries }) => entries.map(({ path }) => path)),
      },
    ];
  });
}
