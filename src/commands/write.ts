import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { UserError } from '../errors.js';
import { KERNEL } from '../host/block-devices.js';
import { openWritable, type WritableImage } from '../host/write-image.js';
import { inspectTarget, judgeTarget, type WriteTarget } from '../host/write-target.js';
import { writeImage, type OnProgress, type WriteResult } from '../host/write.js';
import { interruption } from '../interrupt.js';
import { formatBytes, formatSeconds } from '../units.js';
import { HEAD_BYTES, recognise, TAIL_BYTES } from '../verify/qemu-format.js';
import { contextOf, print, printJson, type Context } from './common.js';

interface Options {
  readonly bmap?: string | false;
  readonly grow?: true;
  readonly yes?: true;
  readonly force?: true;
  readonly mappedOnly?: true;
  readonly verify: boolean;
  readonly json?: true;
}

/** `imgbuild write`. */
export function register(program: Command): void {
  program
    .command('write')
    .summary('write a disk image to a disk')
    .description(
      'Writes a raw or raw.zst image to a disk, a stick or a file, and reads it back. With a block map beside the image, ' +
        'what it does not name is not read, and the rest is checked against it. No engine is needed.',
    )
    .argument('<image>', 'the image; it is only read')
    .argument('<device>', 'the disk, such as /dev/sdb, or a file')
    .option('--grow', 'make the last partition take the rest of the disk, and an array and LVM volume directly in it')
    .option('--bmap <file>', 'the block map; else the one beside the image')
    .option('--no-bmap', 'use no block map')
    .option('--mapped-only', 'leave what the block map does not name as it is, instead of making it zero')
    .option('--no-verify', 'do not read back what was written')
    .option('-y, --yes', 'overwrite without asking')
    .option('--force', 'overwrite a disk that is in use, or a partition; with --yes, or its name typed')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      `
A disk with mounted file systems, swap, arrays or volume groups is refused. What is interrupted leaves no partition
table behind, so it never looks whole.

Examples:
  imgbuild write obj/web1/web1_rootfs.raw.zst /dev/sdb
  imgbuild write web1.raw /dev/disk/by-id/usb-Stick_0123 --grow --yes
  imgbuild write web1.raw.zst copy.raw`,
    )
    .action(async (file: string, device: string, options: Options, command: Command) => {
      const context = await contextOf(command);
      const signal = interruption();
      const started = performance.now();
      const image = await readable(context, file, options, signal);
      const target = inspectTarget(device, image.bytes, KERNEL);
      const permission = { yes: options.yes ?? false, force: options.force ?? false };
      const question = judgeTarget(target, image.bytes, permission);
      if (question !== undefined) await ask(question, device, signal);
      const result = await write(context, image, target, options, signal);
      const seconds = (performance.now() - started) / 1000;
      if (options.json === true) printJson({ image: file, target: target.path, ...result, seconds });
      else print(summary(target, result, seconds));
    });
}

async function readable(
  context: Context,
  file: string,
  { bmap }: Pick<Options, 'bmap'>,
  signal: AbortSignal,
): Promise<WritableImage> {
  const bytes = requireFile(file);
  const kind = look(file, bytes);
  const image = await openWritable(file, bytes, kind === 'zstd', bmap === false ? '' : bmap, signal);
  const map = image.bmap === undefined ? 'without a block map' : 'with a block map';
  context.log.info(`${file}: ${formatBytes(image.bytes)}, ${map}`);
  return image;
}

function requireFile(file: string): number {
  const stat = statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) throw new UserError(`${file} is not there`);
  if (!stat.isFile()) throw new UserError(`${file} is no file`, { hint: 'the image comes first, the device second' });
  return stat.size;
}

/** raw or packed; everything else has to be converted first. */
function look(file: string, bytes: number): 'raw' | 'zstd' {
  if (bytes < HEAD_BYTES) throw new UserError(`${file} is too short for a disk image`, { hint: 'copy it again' });
  const fd = openSync(file, 'r');
  try {
    const head = Buffer.alloc(HEAD_BYTES);
    const tail = Buffer.alloc(TAIL_BYTES);
    readSync(fd, head, 0, head.length, 0);
    readSync(fd, tail, 0, tail.length, bytes - tail.length);
    const container = recognise(head, tail);
    if (container.kind === 'zstd') return 'zstd';
    if (container.kind === 'disk' && container.format === 'raw') return 'raw';
    const what = container.kind === 'disk' ? `of format ${container.format}` : describe(container);
    throw new UserError(`${file} is ${what}, and only raw and raw.zst can be written to a disk`, {
      hint:
        container.kind === 'disk' ? `imgbuild convert ${file} --to raw.zst makes such an image` : 'choose another file',
    });
  } finally {
    closeSync(fd);
  }
}

function describe(container: Exclude<ReturnType<typeof recognise>, { kind: 'disk' | 'zstd' }>): string {
  return container.kind === 'tar' ? 'a tar archive' : container.what;
}

async function ask(question: string, device: string, signal: AbortSignal): Promise<void> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UserError(`${device} is overwritten only on a word of yours`, { hint: 'add --yes' });
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(question, { signal });
    if (answer.trim() !== device) throw new UserError(`that is not ${device}: nothing was written`);
  } finally {
    terminal.close();
  }
}

async function write(
  context: Context,
  image: WritableImage,
  target: WriteTarget,
  options: Options,
  signal: AbortSignal,
): Promise<WriteResult> {
  const { screen } = context;
  const seen = { at: 0, begun: false };
  const onProgress: OnProgress = (doing, done, total) => {
    seen.begun = true;
    const now = performance.now();
    if (now - seen.at < 100) return;
    seen.at = now;
    const percent = String(Math.floor((100 * done) / total)).padStart(3);
    screen.live(`${doing} ${percent} %  ${formatBytes(done)} of ${formatBytes(total)}`);
  };
  try {
    return await writeImage(
      image,
      target,
      {
        grow: options.grow ?? false,
        mappedOnly: options.mappedOnly ?? false,
        verify: options.verify,
        shared: options.force ?? false,
      },
      onProgress,
      signal,
    );
  } catch (error) {
    if (target.kind === 'device' && seen.begun) {
      context.log.warn(`${target.name} is incomplete and has no partition table: write it again`);
    }
    throw error;
  } finally {
    screen.live('');
  }
}

function summary({ path: target }: WriteTarget, result: WriteResult, seconds: number): string {
  const { imageBytes, written, verified, grown } = result;
  const read = verified ? ', read back' : '';
  const lines = [
    `${target}: ${formatBytes(imageBytes)}, of which ${formatBytes(written)} written${read}, in ${formatSeconds(seconds)}`,
  ];
  if (grown !== undefined) {
    const also = grown.done.length === 0 ? '' : `, ${grown.done.join(' and ')} with it`;
    lines.push(
      `partition ${String(grown.number)} grew from ${formatBytes(grown.before)} to ${formatBytes(grown.bytes)}${also}`,
      ...(grown.left === '' ? [] : [`left for the machine: ${grown.left}`]),
    );
  }
  return lines.join('\n');
}
