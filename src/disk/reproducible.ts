import type { DiskPlan } from './types.js';
import { leavesOf } from './walk.js';

/** Whether equal inputs give the same disk again, to the byte. */
export interface Reproducibility {
  readonly disk: string;
  readonly reproducible: boolean;
  readonly reason?: string;
}

/**
 * Tells of each disk whether another build of the same inputs makes it equal, and if not, why.
 *
 * @param inMemory whether the work directory is a tmpfs, which lists files in the order in which they were made. Others,
 *   such as ext4, have an order of their own in each file system, and mkfs.btrfs (6.14) takes files as they are listed.
 */
export function reproducibilityOf(disks: readonly DiskPlan[], random: boolean, inMemory: boolean): Reproducibility[] {
  return disks.map((disk) => {
    const leaves = leavesOf([disk]);
    const encrypted = leaves.some(({ carriers }) => carriers.some(({ type }) => type === 'luks'));
    const listed = leaves.some(({ data }) => data.type === 'filesystem' && data.format === 'btrfs') && !inMemory;
    const reasons = [
      ...(random ? ['disk.seed is random: every build has its own UUIDs'] : []),
      ...(encrypted ? ['the key of encrypted storage is random'] : []),
      ...(listed ? ['the work directory is on a disk, whose order of files btrfs takes over'] : []),
    ];
    return reasons.length === 0
      ? { disk: disk.name, reproducible: true }
      : { disk: disk.name, reproducible: false, reason: reasons.join('; ') };
  });
}
