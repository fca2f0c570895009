import { lstatSync, readdirSync, readlinkSync, rmSync } from 'node:fs';

/** What is read in less time may be missed: it stays, and is small. */
const LOOK_MS = 4;

/**
 * Removes files below a directory when a process has opened them, but for those that have another name: their room is free
 * when they are closed. For tools that open everything once and write it elsewhere, so that both together take little more
 * room than either; one that came back for a file would not find it, and fail.
 *
 * @returns ends it; what has not been opened by then stays.
 */
export function removeAsRead(pid: number, directory: string): () => void {
  const timer = setInterval(() => {
    for (const file of openBelow(pid, `${directory}/`)) rmSync(file, { force: true });
  }, LOOK_MS);
  return () => {
    clearInterval(timer);
  };
}

function openBelow(pid: number, start: string): string[] {
  const descriptors = `/proc/${String(pid)}/fd`;
  const files: string[] = [];
  try {
    for (const name of readdirSync(descriptors)) {
      const file = readlinkSync(`${descriptors}/${name}`);
      const entry = file.startsWith(start) ? lstatSync(file, { throwIfNoEntry: false }) : undefined;
      if (entry?.isFile() === true && entry.nlink === 1) files.push(file);
    }
  } catch {
    // The process has ended, or has closed the one that was to be looked at: the next look sees the others.
  }
  return files;
}
