import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { CommandError } from '../errors.js';
import { giveOpenToOwnerOf } from './context.js';
import type { NewFile } from './formats/types.js';
import { TOOL_ENV } from './run.js';

/** Names in an output directory of what is being written; they begin so wherever they are needed at all. */
export const ASIDE = '.imgbuild-';

/** `__O_TMPFILE` of Linux; Node names only the flag that it is combined with. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/** What open(2) says where the filesystem has no unnamed files: NFS, many of FUSE, older overlays. */
const NO_TMPFILE = ['EOPNOTSUPP', 'EISDIR', 'EINVAL'];

/** Files that are being written into a directory. */
export interface Unpublished {
  /** Opens one more, empty. */
  readonly open: (name: string) => NewFile;
  /** Makes a directory, which has no name either; returns where it is. */
  readonly directory: (name: string) => string;
  /** Makes all files appear under their names, in order; a file of that name is replaced. */
  readonly appear: () => void;
  /** Closes them, and removes what has not appeared. */
  readonly close: () => void;
}

/**
 * Files without names where the filesystem has such, so that nothing is left of them however this process ends. Elsewhere
 * they are in a hidden directory, which the next build removes when this one is killed.
 *
 * @param owned the directory whose owner gets the files.
 */
export function unpublished(directory: string, owned: string, unnamed = true): Unpublished {
  const files: NewFile[] = [];
  const directories: { readonly name: string; readonly path: string }[] = [];
  let aside: string | undefined;
  const hidden = (name = String(files.length)): string => {
    aside ??= mkdtempSync(join(directory, ASIDE));
    return join(aside, name);
  };
  return {
    open: (name) => {
      const unnamedFd = unnamed ? openUnnamed(directory) : undefined;
      const named = unnamedFd === undefined ? hidden() : undefined;
      const fd = unnamedFd ?? openSync(named ?? '', 'wx+', 0o644);
      // The caller's umask is not the builder's business: what is published may be read.
      fchmodSync(fd, 0o644);
      giveOpenToOwnerOf(owned, fd);
      const file = { name, fd, path: named ?? `/proc/${String(process.pid)}/fd/${String(fd)}` };
      files.push(file);
      return file;
    },
    directory: (name) => {
      const path = hidden(`dir${String(directories.length)}`);
      mkdirSync(path, 0o755);
      directories.push({ name, path });
      return path;
    },
    appear: () => {
      for (const { name, path } of directories) {
        const taken = join(directory, name);
        // A directory with content cannot be replaced, only moved away; it goes with the rest that is aside.
        if (existsSync(taken)) renameSync(taken, `${path}.before`);
        renameSync(path, taken);
      }
      const named = files.filter((file) => file.path.startsWith(directory));
      for (const { path, name } of named) renameSync(path, join(directory, name));
      link(
        directory,
        files.filter((file) => !named.includes(file)),
      );
    },
    close: () => {
      for (const { fd } of files.splice(0)) closeSync(fd);
      if (aside !== undefined) rmSync(aside, { recursive: true, force: true });
    },
  };
}

function openUnnamed(directory: string): number | undefined {
  try {
    return openSync(directory, O_TMPFILE | constants.O_RDWR, 0o644);
  } catch (error) {
    if (NO_TMPFILE.includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/**
 * Gives unnamed files their names. Node has no linkat(2) with AT_SYMLINK_FOLLOW, which is what `ln -L` does with the link
 * in /proc that stands for an open file; one shell for all, so that they appear at nearly the same time.
 */
function link(directory: string, files: readonly NewFile[]): void {
  if (files.length === 0) return;
  // A link cannot replace a file, only renaming can.
  const links = files.map(({ name }) => {
    const taken = existsSync(join(directory, name));
    return { name, first: taken ? `${ASIDE}${randomBytes(6).toString('hex')}` : name };
  });
  const script = 'n=3; for name; do ln -L -T -- "/proc/self/fd/$n" "$name"; n=$((n + 1)); done';
  const { status, error, stderr } = spawnSync('sh', ['-euc', script, 'sh', ...links.map(({ first }) => first)], {
    cwd: directory,
    env: TOOL_ENV,
    stdio: ['ignore', 'ignore', 'pipe', ...files.map(({ fd }) => fd)],
    encoding: 'utf8',
  });
  if (status !== 0) {
    const exit = status === null ? (error?.message ?? 'killed') : `exit status ${String(status)}`;
    throw new CommandError({ doing: 'naming the files of the output', argv: ['ln', '-L'], exit, tail: stderr });
  }
  for (const { name, first } of links) if (first !== name) renameSync(join(directory, first), join(directory, name));
}
