import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { EXIT, UserError } from '../errors.js';
import { output, run } from '../exec/run.js';
import { formatBytes } from '../units.js';
import { blockName, blockRange, type DiskSource } from './qemu-arguments.js';
import { requireRoom, requireWhole } from './qemu-check.js';
import { HEAD_BYTES, ovfDisks, recognise, TAIL_BYTES, tarMember, type TarMember } from './qemu-format.js';
import { readTable, TABLE_BYTES, type Table } from './qemu-partitions.js';

/** Where disks are prepared, and what stops it. */
export interface Workbench {
  /** Files made here are removed by whoever made the directory. */
  readonly directory: string;
  readonly signal: AbortSignal;
  /** What to do instead with a file that has no disk; what who wants to boot it may do, when nothing is said. */
  readonly instead?: string;
}

/** A disk to boot, and the kind of file that it came in. */
export interface OpenedDisk extends DiskSource {
  /** Container as users call it: `vhdx`, `ova`, … */
  readonly origin: string;
}

/**
 * The disks in image files, by content. What is packed with zstd is unpacked beside the work; everything else is read
 * where it lies, the disks of an OVA too.
 *
 * @throws UserError when a file holds no disk, or not all of it.
 */
export async function openImages(files: readonly string[], bench: Workbench): Promise<OpenedDisk[]> {
  const disks: OpenedDisk[] = [];
  for (const file of files) {
    for (const disk of await openImage(file, bench, disks.length)) {
      await checkWhole(file, disk, bench);
      disks.push(disk);
    }
  }
  return disks;
}

async function openImage(file: string, bench: Workbench, n: number): Promise<OpenedDisk[]> {
  const container = look(file);
  switch (container.kind) {
    case 'disk':
      return [{ file, format: container.format, origin: container.format === 'vpc' ? 'vhd' : container.format }];
    case 'zstd': {
      const unpacked = join(bench.directory, `unpacked${String(n)}.raw`);
      const doing = `unpacking ${basename(file)}`;
      await run(['zstd', '-d', '-q', '--sparse', '-o', unpacked, file], { doing, signal: bench.signal });
      const inner = look(unpacked);
      if (inner.kind === 'disk') return [{ file: unpacked, format: inner.format, origin: `${inner.format}.zst` }];
      throw noDisk(
        file,
        inner.kind === 'tar' ? 'the tarball of a root filesystem' : 'packed, and no disk inside',
        bench.instead,
      );
    }
    case 'tar':
      return openArchive(file, bench.instead);
    case 'other':
      throw noDisk(file, container.what, container.hint);
  }
}

async function checkWhole(file: string, disk: OpenedDisk, bench: Workbench): Promise<void> {
  const name = basename(file);
  if (disk.format !== 'raw') await requireWhole(name, [blockName(disk)], bench.signal);
  else requireRoom(name, await tableOf(disk, bench), disk.part?.bytes ?? statSync(disk.file).size);
}

function noDisk(file: string, what: string, hint?: string): UserError {
  const advice = hint ?? 'only machines boot here: a container template is started by its platform';
  return new UserError(`${file} is ${what}`, { hint: advice });
}

function look(file: string): ReturnType<typeof recognise> {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size < HEAD_BYTES) return { kind: 'other', what: 'too short for a disk image', hint: 'copy it again' };
    return recognise(readAt(fd, 0, HEAD_BYTES), readAt(fd, size - TAIL_BYTES, TAIL_BYTES));
  } finally {
    closeSync(fd);
  }
}

function openArchive(file: string, instead: string | undefined): OpenedDisk[] {
  const fd = openSync(file, 'r');
  try {
    const members = tarMembers(fd);
    const ovf = members.find(({ name }) => name.endsWith('.ovf'));
    if (ovf === undefined) throw noDisk(file, 'a tar archive without an OVF', instead);
    return ovfDisks(readAt(fd, ovf.offset, ovf.bytes).toString('utf8')).map((name) => {
      const member = members.find((candidate) => candidate.name === name);
      if (member === undefined) throw noDisk(file, `an OVA whose disk ${name} is missing`, 'build or copy it again');
      const { offset, bytes } = member;
      const inner = recognise(readAt(fd, offset, HEAD_BYTES), readAt(fd, offset + bytes - TAIL_BYTES, TAIL_BYTES));
      if (inner.kind !== 'disk') {
        throw noDisk(file, `an OVA whose disk ${name} is in no format that is known`, instead);
      }
      return { file, format: inner.format, part: { offset, bytes }, origin: 'ova' };
    });
  } finally {
    closeSync(fd);
  }
}

function tarMembers(fd: number): TarMember[] {
  const members: TarMember[] = [];
  for (let at = 0; ;) {
    const header = readAt(fd, at, 512);
    const member = header.length < 512 ? undefined : tarMember(header, at);
    if (member === undefined) return members;
    // Types of regular files, in the spelling of old and new archives.
    if (['', '0'].includes(member.type)) members.push(member);
    at = member.next;
  }
}

function readAt(fd: number, position: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  return buffer.subarray(0, readSync(fd, buffer, 0, bytes, position));
}

/** Size of the disk that the guest sees, in bytes. */
export async function diskBytes(source: DiskSource, signal: AbortSignal): Promise<number> {
  const argv = ['qemu-img', 'info', '--output=json', blockName(source)];
  const info = JSON.parse(await output(argv, { doing: 'reading the image', signal })) as { 'virtual-size': number };
  return info['virtual-size'];
}

/** Copies a range of what the guest sees into a sparse file. */
export async function extract(
  source: DiskSource,
  range: { readonly start: number; readonly bytes: number },
  file: string,
  signal: AbortSignal,
): Promise<void> {
  const name = blockRange(source, range.start, range.bytes);
  await run(['qemu-img', 'convert', '-O', 'raw', name, file], { doing: 'reading the image', signal });
}

/** Reads the partition table of a disk, whatever it is stored in. */
export async function tableOf(source: DiskSource, bench: Workbench): Promise<Table> {
  const file = join(bench.directory, 'table');
  await extract(source, { start: 0, bytes: TABLE_BYTES }, file, bench.signal);
  return readTable(readFileSync(file));
}

/**
 * A file that takes what the guest writes; the image below is only read.
 *
 * @param bytes size of the disk; that of the image when nothing is said.
 * @throws UserError when the image is larger.
 */
export async function createOverlay(
  below: DiskSource,
  file: string,
  bytes: number | undefined,
  signal: AbortSignal,
): Promise<DiskSource> {
  if (bytes !== undefined) {
    const least = await diskBytes(below, signal);
    if (bytes < least) {
      throw new UserError(`the disk is ${formatBytes(least)} large and cannot become smaller`, {
        hint: `--disk-size ${String(Math.ceil(least / 2 ** 20))}M or more`,
      });
    }
  }
  const size = bytes === undefined ? [] : [String(bytes)];
  const argv = ['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', below.format, '-b', blockName(below), file, ...size];
  await run(argv, { doing: 'making an overlay for the image', signal });
  return { format: 'qcow2', file, below };
}

/** A sparse copy of everything that the guest would see. */
export async function copyRaw(source: DiskSource, file: string, signal: AbortSignal): Promise<DiskSource> {
  const argv = ['qemu-img', 'convert', '-O', 'raw', '-W', blockName(source), file];
  await run(argv, { doing: 'copying the image', signal });
  return { format: 'raw', file };
}

/** Of Debian's qemu-efi-aarch64; the builder has no other file of it, for all of them are filled up to 64 MiB. */
const AAVMF = '/usr/share/qemu-efi-aarch64/QEMU_EFI.fd';

/** Firmware for arm64. @throws UserError when the builder has none. */
export function aavmf(): { readonly code: string } {
  if (existsSync(AAVMF)) return { code: AAVMF };
  throw new UserError(`there is no UEFI firmware for arm64 at ${AAVMF}`, {
    exitCode: EXIT.environment,
    hint: 'the builder needs the packages qemu-efi-aarch64 and qemu-system-arm: imgbuild builder build --rebuild',
  });
}

/** Where Debian's ovmf package keeps the firmware; names without 4M are of firmware that is too small by now. */
const OVMF = '/usr/share/OVMF';

/** The read-only code and the variables to begin with. */
export function ovmf(secureBoot: boolean): { readonly code: string; readonly vars: string } {
  const code = `${OVMF}/OVMF_CODE_4M.${secureBoot ? 'secboot.' : ''}fd`;
  const vars = `${OVMF}/OVMF_VARS_4M.${secureBoot ? 'ms.' : ''}fd`;
  if (!existsSync(code) || !existsSync(vars)) {
    throw new UserError(`${OVMF} holds no UEFI firmware`, {
      exitCode: EXIT.environment,
      hint: 'the builder needs the package ovmf: imgbuild builder build --rebuild',
    });
  }
  return { code, vars };
}
