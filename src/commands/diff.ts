import type { Command } from 'commander';
import { EXIT, UserError } from '../errors.js';
import { compareFacts, type Comparison } from '../look/compare.js';
import { comparisonLines } from '../look/comparison-text.js';
import { withContents } from '../look/contents.js';
import type { Facts } from '../verify/facts.js';
import { withImage } from '../verify/read/image.js';
import { contextOf, finishWith, print, printJson } from './common.js';
import { imageOf, lookInto, lookOptions, type LookOptions, type Workplace } from './look-run.js';

interface Options extends LookOptions {
  readonly exitCode?: true;
}

/** `imgbuild diff`. */
export function register(program: Command): void {
  const command = program
    .command('diff')
    .description(
      'Tells what differs between two images of any formats, also between a template and a disk: packages, units, partitions ' +
        'and layers, boot files, and files with mode, owner, attributes and content. Images are only read.',
    )
    .argument('<image>', 'a file, or the name of a profile: what its newest build has made')
    .argument('<image>', 'the other one');
  lookOptions(command)
    .option('--exit-code', 'end with 1 when anything differs but identities and sizes')
    .addHelpText(
      'after',
      `
Examples:
  imgbuild diff old.qcow2 deb12-amd64-kvm
  imgbuild diff deb12-amd64-lxc deb12-amd64-kvm --json
  imgbuild diff a.tar.zst b.tar.zst --exit-code
  imgbuild diff a.raw.zst b.raw.zst --passphrase-env DISK_PASSPHRASE`,
    )
    .action(async (first: string, second: string, options: Options, self: Command) => {
      const context = await contextOf(self);
      const [a, b] = [imageOf(first, options.output), imageOf(second, options.output)];
      const comparison = await lookInto(context, 'diff', [a, b], options, (place) => compare(a, b, place));
      if (comparison === undefined) return;
      if (options.json === true) printJson({ ...comparison, a, b });
      else print(comparisonLines(a, b, comparison).join('\n'));
      if (options.exitCode === true && !comparison.same) finishWith(EXIT.differ);
    });
}

async function compare(a: string, b: string, place: Workplace): Promise<Comparison> {
  const asked = { ...place, judged: false, digests: true };
  return await withImage(a, asked, (one) =>
    withImage(b, asked, async (other) => {
      refuseUnreadable(a, one.facts);
      refuseUnreadable(b, other.facts);
      const comparison = compareFacts(one.facts, other.facts);
      return await withContents(comparison, { a: one.contents, b: other.contents }, place);
    }),
  );
}

/** Half of an image would differ from the other in what was not read. */
function refuseUnreadable(image: string, { unreadable, archive }: Facts): void {
  const why = unreadable ?? archive?.defects[0];
  if (why !== undefined)
    throw new UserError(`${image} cannot be read whole: ${why}`, { hint: 'imgbuild inspect says more' });
}
