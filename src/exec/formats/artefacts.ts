import { statSync, writeFileSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { DiskFormat } from '../../config/formats.js';
import type { OptionValue } from '../../config/types.js';
import { hyperVScript } from '../../output/powershell.js';
import type { VmwareSettings } from '../../output/vmware.js';
import { readPart, writeAll } from '../positioned.js';
import { wholeMiB, type DiskFile, type FormatJob } from './job.js';
import { writeOva } from './ova.js';
import { writeBmap, writeRaw, writeVhd } from './plain.js';
import { writeCompressedQcow2, writeQcow2 } from './qcow2.js';
import { writeRawZst } from './raw-zst.js';
import type { Artefact, NewFile, NewFiles } from './types.js';
import { writeVhdx } from './vhdx.js';
import { writeVmdk, type WrittenVmdk } from './vmdk.js';

/** Room for headers and tables of any format. */
const SLACK = 16 * 2 ** 20;

/** What to write for each format, in the same order; together they compress no disk twice. */
export function artefactsOf(formats: readonly DiskFormat[], job: FormatJob): Artefact[] {
  const shared = shareVmdk(job);
  return formats.map((format) => artefactOf(format, job, shared));
}

function artefactOf(format: DiskFormat, job: FormatJob, shared: SharedVmdk): Artefact {
  const room = job.disks.reduce((sum, disk) => sum + dataBytes(disk) + SLACK, 0);
  const each = (write: (disk: DiskFile, file: NewFile, files: NewFiles) => Promise<void>): Artefact => ({
    bytes: room,
    write: async (files) => {
      for (const disk of job.disks) await write(disk, files.newFile(disk.name, `.${format}`), files);
    },
  });
  const compressed = job.options['output.qcow2Compression'] === 'zstd';
  switch (format) {
    case 'raw':
      return each((disk, file) => writeRaw(disk, file, job));
    case 'raw.zst':
      return each(async (disk, file, files) => {
        const level = Number(job.options['output.zstdLevel'] ?? 3);
        const map = files.newFile(disk.name, '.raw.bmap');
        await Promise.all([writeRawZst(disk, file, level, job), writeBmap(disk, map, job)]);
      });
    case 'qcow2':
      return each((disk, file, files) =>
        compressed ? writeCompressedQcow2(disk, file, job) : writeQcow2(disk, file, files, job),
      );
    case 'vhdx':
      return { bytes: room, write: (files) => writeHyperV(files, job) };
    case 'vhd':
      return each((disk, file) => writeVhd(disk, file, job));
    case 'vmdk':
      return each((disk, file) => onFile(file, (out) => shared.write(out, 0, disk, file)).then(() => undefined));
    case 'ova':
      return {
        bytes: room,
        write: async (files) => {
          const { machine } = job;
          if (machine === undefined) throw new Error('an OVA needs a machine');
          const file = files.newFile('vm', '.ova');
          const write = (out: FileHandle, base: number, disk: DiskFile): Promise<WrittenVmdk> =>
            shared.write(out, base, disk, file);
          await onFile(file, (out) => writeOva(out, machine, vmwareSettings(job.options), job, write));
        },
      };
  }
}

/** Disks for Hyper-V, and a script that makes a machine of them. */
async function writeHyperV(files: NewFiles, job: FormatJob): Promise<void> {
  const made: NewFile[] = [];
  for (const disk of job.disks) {
    const file = files.newFile(disk.name, '.vhdx');
    await writeVhdx(disk, file, job);
    made.push(file);
  }
  if (job.machine === undefined || job.companions !== true) return;
  const script = hyperVScript(
    job.machine,
    made.map(({ name }) => name),
  );
  writeFileSync(files.newFile('hyper-v', '.ps1').fd, script);
}

/** Bytes that a disk takes on its file system. */
function dataBytes(disk: DiskFile): number {
  return Math.min(wholeMiB(disk.bytes), statSync(disk.path).blocks * 512);
}

async function onFile<T>(file: NewFile, use: (out: FileHandle) => Promise<T>): Promise<T> {
  const out = await open(file.path, 'r+');
  try {
    return await use(out);
  } finally {
    await out.close();
  }
}

interface SharedVmdk {
  readonly write: (out: FileHandle, base: number, disk: DiskFile, file: NewFile) => Promise<WrittenVmdk>;
}

/** Compresses each disk once: who needs it next copies it from the file of who needed it first. */
function shareVmdk(job: FormatJob): SharedVmdk {
  const known = new Map<DiskFile, { path: string; base: number; written: WrittenVmdk }>();
  return {
    write: async (out, base, disk, file) => {
      const first = known.get(disk);
      if (first === undefined) {
        const written = await writeVmdk(out, base, disk, job);
        known.set(disk, { path: file.path, base, written });
        return written;
      }
      const source = await open(first.path, 'r');
      try {
        let at = base;
        for await (const data of readPart(source, first.base, first.written.bytes, job.signal)) {
          await writeAll(out, data, at);
          at += data.length;
        }
      } finally {
        await source.close();
      }
      return first.written;
    },
  };
}

function vmwareSettings(options: Readonly<Record<string, OptionValue>>): VmwareSettings {
  return {
    hardwareVersion: Number(options['vm.hardwareVersion'] ?? 15),
    network: textOf(options['vm.network'], 'VM Network'),
    osType: textOf(options['vm.osType'], ''),
    hardening: options['vm.hardening'] !== false,
    hotAdd: options['vm.hotAdd'] === true,
    annotation: textOf(options['vm.annotation'], ''),
    properties: options['vm.properties'] === 'cloud-init' ? 'cloud-init' : 'none',
    extraConfig: listOf(options['vm.extraConfig']),
  };
}

function textOf(value: OptionValue | undefined, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function listOf(value: OptionValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
