import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { blobName, OCI_LAYOUT, ociFiles, type OciFacts, type OciFile } from '../../output/oci.js';
import { TAR_BLOCK, tarEnd, tarHeader, tarPadded } from '../../output/tar.js';
import { writeAll } from '../positioned.js';
import { gzip } from './gzip.js';
import type { TreeJob } from './tree-job.js';
import type { NewFile } from './types.js';

/**
 * Writes an OCI image of one layer as an archive. Its members have no `./`: Proxmox VE knows the archive by their names.
 *
 * Both digests of the layer are taken while it is written to its place; its header comes when its size is known.
 */
export async function writeOci(job: TreeJob, file: NewFile): Promise<void> {
  const { profile, architecture, debianVersion, epoch } = job;
  const out = await open(file.path, 'r+');
  try {
    const put = async ({ name, text }: OciFile, at: number): Promise<number> => {
      const content = Buffer.from(text);
      const header = tarHeader(name, content.length, epoch);
      await writeAll(out, Buffer.concat([header, content], TAR_BLOCK + tarPadded(content.length)), at);
      return at + TAR_BLOCK + tarPadded(content.length);
    };
    const place = await put(OCI_LAYOUT, 0);
    const start = place + TAR_BLOCK;
    const tar = createHash('sha256');
    const packed = createHash('sha256');
    let at = start;
    for await (const data of gzip(hashed(job.openTar(), (part) => tar.update(part)))) {
      job.signal.throwIfAborted();
      packed.update(data);
      await writeAll(out, data, at);
      at += data.length;
    }
    const layer = { bytes: at - start, sha256: packed.digest('hex'), diffId: tar.digest('hex') };
    await writeAll(out, tarHeader(blobName(layer.sha256), layer.bytes, epoch), place);
    at = start + tarPadded(layer.bytes);
    const facts: OciFacts = { profile, architecture, debianVersion, epoch, init: initOf(job.packages) };
    for (const text of ociFiles(facts, layer)) at = await put(text, at);
    await out.truncate(tarEnd(at));
  } finally {
    await out.close();
  }
}

/** Passes a stream on, and shows it to somebody. */
export async function* hashed(
  stream: AsyncIterable<Buffer>,
  see: (data: Buffer) => void,
): AsyncGenerator<Buffer, void> {
  for await (const data of stream) {
    see(data);
    yield data;
  }
}

/** Who is /sbin/init: these packages bring it. */
function initOf(packages: readonly string[]): OciFacts['init'] {
  if (packages.includes('systemd-sysv')) return 'systemd';
  return packages.some((name) => ['sysvinit-core', 'runit-init', 'finit-sysv'].includes(name)) ? 'other' : 'none';
}
