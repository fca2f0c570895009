import { contentGuid } from '../../output/guid.js';
import { runPiped } from './piped.js';
import type { TreeJob } from './tree-job.js';
import type { NewFile } from './types.js';

/**
 * Writes a squashfs from the tar of a tree: no tree is unpacked, so owners need no privileges. zstd, which kernels read
 * from 4.14 on.
 */
export async function writeSquashfs(job: TreeJob, file: NewFile): Promise<void> {
  const argv = [
    ...['mksquashfs', '-', file.path, '-tar', '-noappend', '-no-progress', '-quiet', '-exit-on-error'],
    ...[
      '-comp',
      'zstd',
      '-Xcompression-level',
      '9',
      '-b',
      '256K',
      '-xattrs',
      '-reproducible',
      '-mkfs-time',
      String(job.epoch),
    ],
    // mksquashfs makes the root itself, whatever the tar says of it: with the time of the call otherwise.
    ...['-root-time', String(job.epoch), '-root-mode', '0755', '-root-uid', '0', '-root-gid', '0'],
  ];
  await runPiped(argv, job.openTar(), { doing: 'writing squashfs', signal: job.signal, log: job.log });
}

/**
 * Writes an erofs from the tar of a tree. Compressed with lz4, which kernels read from 5.4 on; bytes that a file may be read
 * in at random are 64 KiB.
 */
export async function writeErofs(job: TreeJob, file: NewFile): Promise<void> {
  const argv = [
    ...['mkfs.erofs', '--quiet', '--tar=f', '-zlz4hc', '-C65536', `-T${String(job.epoch)}`],
    ...['-U', contentGuid(job.digest, 'erofs'), file.path],
  ];
  await runPiped(argv, job.openTar(), { doing: 'writing erofs', signal: job.signal, log: job.log });
}
