import { mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import type { OptionValue } from '../config/types.js';
import { UserError } from '../errors.js';
import type { DiskFormat } from '../config/formats.js';
import { convertDisks, type ConvertTarget } from '../exec/formats/convert.js';
import type { DiskFile } from '../exec/formats/job.js';
import { interruption } from '../interrupt.js';
import type { Machine } from '../output/types.js';
import { formatBytes, formatSeconds } from '../units.js';
import type { DiskSource } from '../verify/qemu-arguments.js';
import { copyRaw, openImages, tableOf, type Workbench } from '../verify/qemu-images.js';
import { firmwareOf } from '../verify/qemu-partitions.js';
import type { Context } from './common.js';

/** A file that was made. */
export interface Converted {
  readonly path: string;
  readonly bytes: number;
}

/** What is to be converted into what. */
export interface Conversion {
  readonly image: string;
  readonly formats: readonly DiskFormat[];
  readonly target: ConvertTarget;
  readonly values: Readonly<Record<string, OptionValue>>;
  /** Where there is room for what is unpacked. */
  readonly workDir: string;
  /** A launcher holds our standard input; when it ends, nobody waits for the result any more. */
  readonly launched: boolean;
}

/** Converts an image with the tools that are here. */
export async function convertHere(context: Context, conversion: Conversion): Promise<Converted[]> {
  const { image, formats, target, values, workDir } = conversion;
  const signal = conversion.launched ? untilInputEnds(interruption()) : interruption();
  const directory = scratchIn(workDir, image, target);
  try {
    const started = performance.now();
    const instead = 'a template has no disk to convert: build its profile with a target that has one (targets/vm/kvm)';
    const bench: Workbench = { directory, signal, instead };
    const sources = await openImages([image], bench);
    const [first] = sources;
    if (first === undefined) throw new UserError(`${image} holds no disk`);
    const disks: DiskFile[] = [];
    for (const [index, source] of sources.entries()) disks.push(await diskOf(source, index, bench));
    const size = formatBytes(disks.reduce((sum, { bytes }) => sum + bytes, 0));
    context.log.info(`${image}: ${first.origin}, ${size} in ${count(disks.length, 'disk')}`);
    const machine = formats.includes('ova') ? await machineOf(first, target.base, values, bench) : undefined;
    // Of no moment: equal disks give equal files whenever they are converted.
    const epoch = Number(process.env['SOURCE_DATE_EPOCH'] ?? 0);
    const job = { disks, machine, options: values, epoch, scratch: directory, signal };
    const names = await convertDisks(formats, job, target, (format) => {
      context.log.info(`writing ${format}`);
    });
    context.log.info(`done in ${formatSeconds((performance.now() - started) / 1000)}`);
    return names.map((name) => {
      const file = path.join(target.directory, name);
      return { path: file, bytes: statSync(file).size };
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
    // A pipe that is still open would keep the process.
    if (conversion.launched) process.stdin.destroy();
  }
}

/** In memory when the largest that an image of this size usually unpacks to has room there, else beside the result. */
function scratchIn(workDir: string, image: string, target: ConvertTarget): string {
  const { bavail, bsize } = statfsSync(workDir);
  const roomy = bavail * bsize > 8 * statSync(image).size;
  return mkdtempSync(path.join(roomy ? workDir : target.directory, '.imgbuild-'));
}

async function diskOf(source: DiskSource, index: number, bench: Workbench): Promise<DiskFile> {
  const plain = source.format === 'raw' && source.part === undefined;
  const file = plain ? source.file : path.join(bench.directory, `disk${String(index)}.raw`);
  if (!plain) await copyRaw(source, file, bench.signal);
  return { name: index === 0 ? 'rootfs' : `disk${String(index + 1)}`, path: file, bytes: statSync(file).size };
}

/** What can be told of the machine from its first disk and the options. */
async function machineOf(
  disk: DiskSource,
  name: string,
  values: Readonly<Record<string, OptionValue>>,
  bench: Workbench,
): Promise<Machine> {
  return {
    name,
    debian: 0,
    architecture: 'amd64',
    firmware: firmwareOf(await tableOf(disk, bench)) ?? 'bios',
    secureBoot: values['boot.secureBoot'] === true,
    cpus: Number(values['vm.cpus']),
    memoryMiB: Number(values['vm.memory']),
  };
}

function untilInputEnds(signal: AbortSignal): AbortSignal {
  const gone = new AbortController();
  process.stdin.on('end', () => {
    gone.abort(new UserError('the launcher is gone'));
  });
  process.stdin.resume();
  return AbortSignal.any([signal, gone.signal]);
}

function count(number: number, what: string): string {
  return `${String(number)} ${what}${number === 1 ? '' : 's'}`;
}
