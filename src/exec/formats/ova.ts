import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { sha256 } from '../../digest.js';
import { ovfManifest, ovfText, safeName, type OvfDisk } from '../../output/ovf.js';
import { TAR_BLOCK, tarEnd, tarHeader, tarPadded } from '../../output/tar.js';
import type { Machine } from '../../output/types.js';
import type { VmwareSettings } from '../../output/vmware.js';
import { readPart, writeAll } from '../positioned.js';
import { wholeMiB, type DiskFile, type FormatJob } from './job.js';
import type { WrittenVmdk } from './vmdk.js';

/** Writes a disk at a place of a file. */
export type WriteDisk = (out: FileHandle, base: number, disk: DiskFile) => Promise<WrittenVmdk>;

/** A number of as many digits as sizes can have, for reserving room. */
const WIDEST = Number.MAX_SAFE_INTEGER;

/**
 * Writes a machine as OVA: descriptor, manifest, then the disks in the order of the references.
 *
 * The sizes and digests that the front tells are known only when the disks are written. They go straight to their place
 * behind room that is kept for the front; the descriptor then fills its part with blanks behind the document's end.
 */
export async function writeOva(
  out: FileHandle,
  machine: Machine,
  settings: VmwareSettings,
  job: FormatJob,
  writeDisk: WriteDisk,
): Promise<void> {
  const name = safeName(machine.name);
  const files = job.disks.map((_, index) => `${name}-disk${String(index + 1)}.vmdk`);
  const describe = (disks: readonly OvfDisk[]): string => ovfText({ ...machine, name }, settings, disks);
  const widest = files.map((file) => ({ file, fileBytes: WIDEST, capacity: WIDEST, populated: WIDEST }));
  const ovfBytes = tarPadded(Buffer.byteLength(describe(widest)));
  const manifestOf = (ovf: string, disks: readonly string[]): string =>
    ovfManifest([
      { name: `${name}.ovf`, sha256: ovf },
      ...files.map((file, index) => ({ name: file, sha256: disks[index] ?? '' })),
    ]);
  const empty = sha256('');
  const manifestBytes = Buffer.byteLength(
    manifestOf(
      empty,
      files.map(() => empty),
    ),
  );

  let at = TAR_BLOCK + ovfBytes + TAR_BLOCK + tarPadded(manifestBytes);
  const disks: OvfDisk[] = [];
  const digests: string[] = [];
  for (const [index, disk] of job.disks.entries()) {
    const file = files[index] ?? '';
    const { bytes, populated } = await writeDisk(out, at + TAR_BLOCK, disk);
    await writeAll(out, tarHeader(file, bytes, job.epoch), at);
    digests.push(await digestOfPart(out, at + TAR_BLOCK, bytes, job.signal));
    disks.push({ file, fileBytes: bytes, capacity: wholeMiB(disk.bytes) / 2 ** 20, populated });
    at += TAR_BLOCK + tarPadded(bytes);
  }
  await out.truncate(tarEnd(at));

  const text = Buffer.alloc(ovfBytes, '\n');
  text.write(describe(disks));
  const manifest = manifestOf(sha256(text), digests);
  const front = Buffer.concat(
    [
      tarHeader(`${name}.ovf`, ovfBytes, job.epoch),
      text,
      tarHeader(`${name}.mf`, manifestBytes, job.epoch),
      Buffer.from(manifest),
    ],
    TAR_BLOCK + ovfBytes + TAR_BLOCK + tarPadded(manifestBytes),
  );
  await writeAll(out, front, 0);
}

async function digestOfPart(file: FileHandle, start: number, bytes: number, signal?: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  for await (const data of readPart(file, start, bytes, signal)) hash.update(data);
  return hash.digest('hex');
}
