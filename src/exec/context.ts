import { randomBytes } from 'node:crypto';
import { fchownSync, lchownSync, statSync } from 'node:fs';
import type { BuildEvent, BuildSettings } from './types.js';

/** What every step of one build shares. */
export interface Context {
  readonly profile: string;
  readonly settings: BuildSettings;
  /** Private directory of this build; removed when it ends. */
  readonly work: string;
  /** Directories behind the roots of file references. */
  readonly roots: Readonly<Record<string, string>>;
  readonly emit: (event: BuildEvent) => void;
  /** Appends a line to the build's log file. */
  readonly log: (line: string) => void;
  readonly signal: AbortSignal;
  /** Frames whose checksums this build has seen to be right, by unpacking or making them. */
  readonly sound: Set<string>;
  /** Architecture of the image when its programs need QEMU here; see `emulationFor`. */
  readonly emulate?: string | undefined;
}

/**
 * Gives a path to whoever owns the directory that it was put into.
 *
 * The builder runs as root, the person who started it does not. As seen from inside, the mounted cache and output
 * directories have the right owner with every engine (rootless ones included, where that owner is "root").
 */
export function giveToOwnerOf(directory: string, ...paths: readonly string[]): void {
  const { uid, gid } = statSync(directory);
  if (uid === process.getuid?.() && gid === process.getgid?.()) return;
  for (const path of paths) lchownSync(path, mapped(uid), mapped(gid));
}

/** The same for an open file. */
export function giveOpenToOwnerOf(directory: string, fd: number): void {
  const { uid, gid } = statSync(directory);
  if (uid !== process.getuid?.() || gid !== process.getgid?.()) fchownSync(fd, mapped(uid), mapped(gid));
}

/** An id that a user namespace does not map reads as this (/proc/sys/fs/overflowuid) and is nobody's to give. */
const OVERFLOW_ID = 65534;

function mapped(id: number): number {
  return id === OVERFLOW_ID ? -1 : id;
}

/** A name beside `path` that no other writer has, not even one in another container with the same process id. */
export function partialName(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.partial`;
}
