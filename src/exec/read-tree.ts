import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CommandError } from '../errors.js';
import type { Context } from './context.js';
import { framePath } from './compressor.js';
import type { FrameList } from './frames.js';
import { TOOL_ENV } from './run.js';

/**
 * The tar of a tree, from its frames in the cache, in pieces as they are decompressed. Who stops reading stops the tools.
 *
 * @throws CommandError when a frame is damaged.
 */
export async function* readTree(
  context: Pick<Context, 'settings' | 'signal' | 'sound'>,
  list: FrameList,
): AsyncGenerator<Buffer, void> {
  const script = 'xargs -d "\\n" cat -- | zstd -dcq';
  const tool = spawn('bash', ['--norc', '-euo', 'pipefail', '-c', script], {
    env: TOOL_ENV,
    stdio: 'pipe',
    detached: true,
  });
  const complaints: string[] = [];
  tool.stderr.setEncoding('utf8').on('data', (text: string) => complaints.push(text));
  const closed = once(tool, 'close') as Promise<[number | null]>;
  // The whole pipeline, which is a group of processes of its own.
  const stop = (): void => {
    if (tool.pid !== undefined && tool.exitCode === null) process.kill(-tool.pid, 'SIGKILL');
  };
  context.signal.addEventListener('abort', stop);
  // What ends early complains when it is written to; its exit status tells.
  tool.stdin.on('error', () => undefined);
  tool.stdin.end(list.frames.map((name) => framePath(context.settings.cacheDir, name)).join('\n'));
  try {
    for await (const piece of tool.stdout) yield piece as Buffer;
    const [code] = await closed;
    context.signal.throwIfAborted();
    if (code !== 0) {
      throw new CommandError({
        doing: 'reading a cached root filesystem',
        argv: ['zstd', '-dcq'],
        exit: `exit status ${String(code)}`,
        tail: complaints.join(''),
      });
    }
    for (const name of list.frames) context.sound.add(name);
  } finally {
    context.signal.removeEventListener('abort', stop);
    stop();
  }
}
