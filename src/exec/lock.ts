import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Takes a lock on a file or directory (flock(2), by util-linux' flock) and waits for it as long as it takes. The holder
 * speaks when it has the lock, and ends with this process in whatever way that ends.
 *
 * @returns a function that gives the lock back.
 */
export async function holdLock(path: string, mode: 'shared' | 'exclusive'): Promise<() => void> {
  const argv = [`--${mode}`, path, 'sh', '-c', 'echo; exec cat'];
  const holder = spawn('flock', argv, { stdio: ['pipe', 'pipe', 'ignore'] });
  await Promise.race([once(holder.stdout, 'data'), once(holder, 'close')]);
  return () => holder.stdin.end();
}

/** Runs `work` with an exclusive lock. */
export async function withLock<T>(path: string, work: () => Promise<T>): Promise<T> {
  const release = await holdLock(path, 'exclusive');
  try {
    return await work();
  } finally {
    release();
  }
}
