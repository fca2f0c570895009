import { chownSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, UserError } from '../../errors.js';
import { ASIDE } from '../publish-files.js';

/** Any id that is not the caller's. */
const SOMEBODY = 12345;

/**
 * Makes sure, before anything is built, that files of a plain directory can get the owners that the image wants. A tree whose
 * files all belong to somebody else is no use to anybody, and nothing says so later.
 *
 * @throws UserError (exit 3) when this is root of a user namespace only, or the filesystem keeps no owners.
 */
export function requireOwners(outputDir: string): void {
  const hint = 'take tar.zst instead: `tar --numeric-owner --xattrs -xpf` as root makes the same directory of it';
  if (!ownsAllIds(readFileSync('/proc/self/uid_map', 'utf8'))) {
    throw new UserError(
      'a plain directory (dir) needs owners that only root can set, and imgbuild has no such rights here',
      {
        exitCode: EXIT.environment,
        hint: `run imgbuild as root, with an engine that is root as well; or ${hint}`,
      },
    );
  }
  const probe = mkdtempSync(join(outputDir, ASIDE));
  try {
    if (changesOwner(probe)) return;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
  throw new UserError(`${outputDir} keeps no owners of files, and a plain directory (dir) needs them`, {
    exitCode: EXIT.environment,
    hint: `choose a place on a disk of this machine with --output DIR; or ${hint}`,
  });
}

/** Whether a map of user ids (user_namespaces(7)) is that of the first namespace, where every id is itself. */
export function ownsAllIds(map: string): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(map);
}

function changesOwner(path: string): boolean {
  try {
    chownSync(path, SOMEBODY, SOMEBODY);
    return statSync(path).uid === SOMEBODY;
  } catch {
    return false;
  }
}
