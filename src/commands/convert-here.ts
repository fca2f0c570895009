import { mkdtempSync, rmSync, statfsSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { withAppliances } from '../config/resolve-outputs.js';
import type { OptionValue } from '../config/types.js';
import { fitTable } from '../disk/grow-table.js';
import { UserError } from '../errors.js';
import { tooLarge, type DiskFormat } from '../config/formats.js';
import { convertDisks, type ConvertTarget } from '../exec/formats/convert.js';
import { wholeMiB, type DiskFile } from '../exec/formats/job.js';
import { readPadded, writeAll } from '../exec/positioned.js';
import { interruption } from '../interrupt.js';
import type { Machine } from '../output/types.js';
import { formatBytes, formatSeconds } from '../units.js';
import type { DiskSource } from '../verify/qemu-arguments.js';
import { machineArchitecture } from '../verify/qemu-architecture.js';
import { copyRaw, diskBytes, openImages, tableOf, type Workbench } from '../verify/qemu-images.js';
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
    for (const source of sources) await refuseTooLarge(source, conversion, bench);
    const disks: DiskFile[] = [];
    const whole = formats.some((format) => WHOLE.includes(format));
    for (const [index, source] of sources.entries()) disks.push(await diskOf(source, index, bench, whole));
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

/** Formats whose platforms take disks of whole MiB only. */
const WHOLE: readonly DiskFormat[] = ['vhdx', 'vhd', 'vmdk', 'ova'];

/** @param whole it has to be whole MiB: what is added comes before the copy of its table, which lies at the end of a disk. */
async function diskOf(source: DiskSource, index: number, bench: Workbench, whole: boolean): Promise<DiskFile> {
  const plain = source.format === 'raw' && source.part === undefined;
  const copy = path.join(bench.directory, `disk${String(index)}.raw`);
  if (!plain) await copyRaw(source, copy, bench.signal);
  const { size } = statSync(plain ? source.file : copy);
  const bytes = whole ? wholeMiB(size) : size;
  if (bytes > size) {
    if (plain) await copyRaw(source, copy, bench.signal);
    await lengthen(copy, size, bytes);
  }
  const file = plain && bytes === size ? source.file : copy;
  return { name: index === 0 ? 'rootfs' : `disk${String(index + 1)}`, path: file, bytes };
}

async function lengthen(file: string, before: number, bytes: number): Promise<void> {
  const disk = await open(file, 'r+');
  try {
    await disk.truncate(bytes);
    const { head, writes } = fitTable(await readPadded(disk, 0, 2 ** 20), before, bytes, false);
    for (const write of [{ offset: 0, bytes: head }, ...writes]) await writeAll(disk, write.bytes, write.offset);
  } finally {
    await disk.close();
  }
}

/** Before it is unpacked: some of these would take memory without end, or fail in the middle. */
async function refuseTooLarge(source: DiskSource, { image, formats }: Conversion, bench: Workbench): Promise<void> {
  const bytes = await diskBytes(source, bench.signal);
  const message = formats.map((format) => tooLarge(format, bytes)).find((fault) => fault !== undefined);
  if (message !== undefined) throw new UserError(`${image}: ${message}`, { hint: 'take raw or qcow2' });
}

/** What can be told of the machine from its first disk and the options. */
async function machineOf(
  disk: DiskSource,
  name: string,
  values: Readonly<Record<string, OptionValue>>,
  bench: Workbench,
): Promise<Machine> {
  const table = await tableOf(disk, bench);
  const architecture = await machineArchitecture(disk, table, bench);
  if (!withAppliances(architecture)) {
    const hint = 'take vmdk, and make the machine by hand';
    throw new UserError(`an OVA describes a machine of VMware, and not for ${architecture}`, { hint });
  }
  return {
    name,
    debian: undefined,
    architecture,
    firmware: firmwareOf(table) ?? 'bios',
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
