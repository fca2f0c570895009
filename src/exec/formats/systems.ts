import type { SystemFormat } from '../../config/formats.js';
import { ROOTFS } from '../names.js';
import { writeIncus, writeIncusSplit } from './incus.js';
import { writeOci } from './oci.js';
import { writeErofs, writeSquashfs } from './read-only.js';
import type { TreeJob } from './tree-job.js';
import type { Artefact, NewSystemFiles } from './types.js';

/** Room for headers and tables of any format. */
const SLACK = 16 * 2 ** 20;

/**
 * What to write for a format of a root filesystem but the tarball, which is there already.
 *
 * @param unpack writes the tree into an empty directory, with its owners.
 */
export function systemArtefact(
  format: Exclude<SystemFormat, 'tar.zst'>,
  job: TreeJob,
  unpack: (directory: string) => Promise<void>,
): Artefact<NewSystemFiles> {
  const writing = (write: (files: NewSystemFiles) => Promise<void>): Artefact<NewSystemFiles> => {
    return { bytes: (job.disk?.bytes ?? job.bytes) + SLACK, write };
  };
  switch (format) {
    case 'squashfs':
      return writing((files) => writeSquashfs(job, files.newFile(ROOTFS, '.squashfs')));
    case 'erofs':
      return writing((files) => writeErofs(job, files.newFile(ROOTFS, '.erofs')));
    case 'dir':
      return writing((files) => unpack(files.newDirectory(ROOTFS, '.dir', { bytes: job.bytes, digest: job.digest })));
    case 'oci.tar':
      return writing((files) => writeOci(job, files.newFile(ROOTFS, '.oci.tar')));
    case 'incus':
      return writing((files) => writeIncus(job, ROOTFS, files));
    case 'incus-split':
      return writing((files) => writeIncusSplit(job, ROOTFS, files));
  }
}
