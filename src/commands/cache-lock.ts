import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';

/**
 * Runs `work` with the cache to itself, when no build runs, and otherwise without: `alone` says which. Builds hold
 * the same file with a shared lock. It is a kernel lock, held by a child for as long as our end of its pipe is open, so
 * that nothing stale stays behind however we end.
 */
export async function withCache<T>(cacheDir: string, work: (alone: boolean) => Promise<T>): Promise<T> {
  if (!existsSync(cacheDir)) return await work(true);
  const holder = spawn(
    'flock',
    ['--exclusive', '--nonblock', path.join(cacheDir, 'lock'), 'sh', '-c', 'echo held; cat'],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
      // Ctrl-C is for us: the lock goes when we are gone.
      detached: true,
    },
  );
  // Without util-linux's flock (macOS) nobody can tell; then it is as if a build were running.
  const ended = once(holder, 'close').catch(() => undefined);
  const held = once(holder.stdout, 'data').then(() => true);
  const alone = await Promise.race([held, ended.then(() => false)]);
  try {
    return await work(alone);
  } finally {
    holder.stdin.end();
    await ended;
  }
}
