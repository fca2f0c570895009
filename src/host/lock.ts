import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { hostEnvironment, onPath } from './which.js';

/**
 * Runs `work` while no other process does, on this machine, under the same lock file.
 *
 * The lock is a kernel lock held by a child that lives as long as our end of its pipe is open: it ends with us, however
 * we end, and nothing stale can stay behind.
 */
export async function withLock<T>(
  env: NodeJS.ProcessEnv,
  file: string,
  onWait: () => void,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(path.dirname(file), { recursive: true });
  // Without util-linux (macOS) two builders may be made at once, which costs time and nothing else.
  if (!(await onPath('flock', env))) return await work();
  const child = spawn('flock', [file, 'sh', '-c', 'echo locked; exec cat >/dev/null'], {
    env: hostEnvironment(env),
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const waiting = setTimeout(onWait, 300);
  const exited = once(child, 'exit');
  try {
    await Promise.race([once(child.stdout, 'data'), exited]);
    clearTimeout(waiting);
    if (child.exitCode !== null) throw new Error(`flock ${file}: exit status ${String(child.exitCode)}`);
    return await work();
  } finally {
    clearTimeout(waiting);
    child.stdin.end();
    await exited;
  }
}
