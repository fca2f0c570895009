import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, createReadStream, mkdtempSync, openSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError } from '../../errors.js';
import { incusFiles } from '../../output/incus.js';
import { tarBelow } from '../../output/tar-below.js';
import { TAR_BLOCK, tarEnd, tarHeader, tarPadded } from '../../output/tar.js';
import { writeAll } from '../positioned.js';
import { TOOL_ENV } from '../run.js';
import { gzip } from './gzip.js';
import type { DiskFile, FormatJob } from './job.js';
import { writeCompressedQcow2 } from './qcow2.js';
import { writeSquashfs } from './read-only.js';
import type { TreeJob } from './tree-job.js';
import type { NewFile, NewSystemFiles } from './types.js';

/** Writes an image for Incus in one file, as `incus publish` does: its fingerprint is the SHA-256 of that. */
export async function writeIncus(job: TreeJob, part: string, files: NewSystemFiles): Promise<void> {
  const file = files.newFile(part, '.incus.tar.gz');
  const scratch = mkdtempSync(join(job.scratch, 'incus-'));
  try {
    const system = job.disk === undefined ? tarBelow(job.openTar(), 'rootfs') : diskMember(job.disk, scratch, job);
    const fingerprint = await writeStream(gzip(archive(job, system)), file, job.signal);
    files.hashed(file, fingerprint);
    files.fingerprinted(file, fingerprint);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Writes an image for Incus in two files: its fingerprint is the SHA-256 of both, metadata first. */
export async function writeIncusSplit(job: TreeJob, part: string, files: NewSystemFiles): Promise<void> {
  const metadata = files.newFile(part, '.incus.tar.xz');
  const data = files.newFile(part, job.disk === undefined ? '.incus.squashfs' : '.incus.qcow2');
  await writeStream([xz(await whole(archive(job, [])))], metadata, job.signal);
  if (job.disk === undefined) await writeSquashfs(job, data);
  else await writeCompressedQcow2(job.disk, data, diskJob(job.disk, job));
  const hash = createHash('sha256');
  for (const { path } of [metadata, data]) {
    for await (const piece of createReadStream(path, { signal: job.signal })) hash.update(piece as Buffer);
  }
  files.fingerprinted(metadata, hash.digest('hex'));
}

/** The tar of an image: metadata.yaml comes first, for Incus reads no further than it must. */
async function* archive(job: TreeJob, system: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer, void> {
  const { profile, suite, architecture, epoch, disk } = job;
  let bytes = 0;
  const counted = (data: Buffer): Buffer => {
    bytes += data.length;
    return data;
  };
  const kind = disk === undefined ? 'container' : 'machine';
  for (const { name, text } of incusFiles({ profile, suite, architecture, epoch, kind })) {
    const content = Buffer.from(text);
    const header = tarHeader(name, content.length, epoch);
    yield counted(Buffer.concat([header, content], TAR_BLOCK + tarPadded(content.length)));
  }
  for await (const data of system) yield counted(data);
  yield Buffer.alloc(tarEnd(bytes) - bytes);
}

/** The disk as a member of the archive: qcow2, which Incus asks for. */
async function* diskMember(disk: DiskFile, scratch: string, job: TreeJob): AsyncGenerator<Buffer, void> {
  const path = join(scratch, 'disk.qcow2');
  closeSync(openSync(path, 'wx'));
  await writeCompressedQcow2(disk, { name: 'rootfs.img', path, fd: -1 }, diskJob(disk, job));
  const { size } = statSync(path);
  yield tarHeader('rootfs.img', size, job.epoch);
  for await (const data of createReadStream(path, { highWaterMark: 1 << 20, signal: job.signal })) yield data as Buffer;
  yield Buffer.alloc(tarPadded(size) - size);
}

function diskJob(disk: DiskFile, { options, epoch, scratch, signal }: TreeJob): FormatJob {
  return { disks: [disk], machine: undefined, options, epoch, scratch, signal };
}

/** Writes a stream; returns the SHA-256 of it. */
async function writeStream(
  stream: AsyncIterable<Buffer> | Iterable<Buffer>,
  file: NewFile,
  signal: AbortSignal,
): Promise<string> {
  const hash = createHash('sha256');
  const out = await open(file.path, 'r+');
  try {
    let at = 0;
    for await (const data of stream) {
      signal.throwIfAborted();
      hash.update(data);
      await writeAll(out, data, at);
      at += data.length;
    }
  } finally {
    await out.close();
  }
  return hash.digest('hex');
}

async function whole(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

/** A few kilobytes at a time: of one thread the result is always the same. */
function xz(content: Buffer): Buffer {
  const argv = ['xz', '--compress', '--stdout', '--threads=1'];
  const { status, stdout, stderr } = spawnSync('xz', argv.slice(1), { env: TOOL_ENV, input: content });
  if (status === 0) return stdout;
  throw new CommandError({
    doing: 'compressing metadata',
    argv,
    exit: `exit status ${String(status)}`,
    tail: stderr.toString(),
  });
}
