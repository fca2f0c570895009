import { createHash } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { FORMAT_NAMES, isDiskFormat, type DiskFormat } from '../../src/config/formats.js';
import { artefactsOf } from '../../src/exec/formats/artefacts.js';
import type { FormatJob } from '../../src/exec/formats/job.js';
import type { NewFiles } from '../../src/exec/formats/types.js';
import type { Machine } from '../../src/output/types.js';

const machine: Machine = {
  name: 'web 1',
  debian: 12,
  architecture: 'amd64',
  firmware: 'uefi',
  secureBoot: false,
  cpus: 2,
  memoryMiB: 2048,
};

/** Formats that are made from disks. */
export const FORMATS = FORMAT_NAMES.filter(isDiskFormat);

/** Bytes that zlib cannot make much of, the same in every run. */
export function noise(bytes: number, seed: string): Buffer {
  const parts: Buffer[] = [];
  for (let n = 0; n * 32 < bytes; n += 1)
    parts.push(
      createHash('sha256')
        .update(`${seed}${String(n)}`)
        .digest(),
    );
  return Buffer.concat(parts).subarray(0, bytes);
}

/** Writes into a file at a place. */
export function put(file: string, at: number, data: Buffer): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, data, 0, data.length, at);
  closeSync(fd);
}

/** Writes formats as a build does, into files that begin with `web_`. */
export async function writeInto(
  directory: string,
  formats: readonly DiskFormat[],
  job: Pick<FormatJob, 'disks' | 'scratch'> & Partial<FormatJob>,
): Promise<void> {
  const whole: FormatJob = {
    machine,
    options: { 'output.qcow2Compression': 'zstd' },
    epoch: 1_700_000_000,
    companions: true,
    ...job,
  };
  mkdirSync(directory, { recursive: true });
  const fds: number[] = [];
  const newFile: NewFiles['newFile'] = (part, suffix) => {
    const name = `web_${part}${suffix}`;
    const fd = openSync(path.join(directory, name), 'w+');
    fds.push(fd);
    return { name, fd, path: `/proc/${String(process.pid)}/fd/${String(fd)}` };
  };
  try {
    for (const artefact of artefactsOf(formats, whole)) await artefact.write({ newFile, hashed: () => undefined });
  } finally {
    // As publishing does: open until everything is written.
    fds.forEach((fd) => {
      closeSync(fd);
    });
  }
}
