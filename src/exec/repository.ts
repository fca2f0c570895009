import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../digest.js';
import type { StoredDeb } from './debs.js';

/** Where the repository is mounted inside the target while packages are installed. */
export const REPOSITORY_MOUNT = '/run/imgbuild-build';

/**
 * Writes the indexes of a local repository that holds just these packages, for mmdebstrap and for apt in the target.
 *
 * With it, choosing what to install (which needs the network) and installing it (which must not) are two things, and
 * both tools resolve over 180 packages instead of 60,000. It vouches for nothing: the packages' own hashes were checked
 * against the archive's signature when they came.
 */
export function writeRepository(
  directory: string,
  suite: string,
  architecture: string,
  debs: readonly StoredDeb[],
): void {
  mkdirSync(join(directory, 'pool'), { recursive: true });
  const packages = debs
    .map(
      (deb) =>
        `${deb.control}\nFilename: ./pool/${deb.path}\nSize: ${String(deb.bytes)}\nSHA256: ${deb.storedSha256}\n`,
    )
    .join('\n');
  writeFileSync(join(directory, 'Packages'), packages);
  // mmdebstrap narrows `?essential` to the suite by the codename of the Release file.
  const release = [
    `Codename: ${suite}`,
    `Architectures: ${architecture}`,
    'Date: Thu, 01 Jan 1970 00:00:00 UTC',
    'SHA256:',
    ` ${sha256(packages)} ${String(Buffer.byteLength(packages))} Packages`,
    '',
  ].join('\n');
  writeFileSync(join(directory, 'Release'), release);
}

/** The line that names it, for inside and outside of the target alike. */
export function repositoryLine(directory: string): string {
  return `deb [trusted=yes] file:${directory} ./`;
}
