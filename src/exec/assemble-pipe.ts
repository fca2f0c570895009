import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CommandError } from '../errors.js';
import type { Context } from './context.js';
import { TOOL_ENV } from './run.js';

/** Characters that are kept of what a tool complains about. */
const TAIL = 4000;

type PipeContext = Pick<Context, 'log' | 'signal'>;

export interface PipeOptions {
  readonly doing: string;
  readonly env?: Readonly<Record<string, string>>;
  /** An open file that gets what the tool writes to standard output, which is dropped otherwise. */
  readonly out?: number;
}

/** A tool that is fed piece by piece. */
export interface Feed {
  /** Ends when the tool has all of it. What a tool that has ended would have got is dropped: `end` tells why. */
  readonly write: (pieces: readonly Buffer[]) => Promise<void>;
  /** Waits for the tool's end. */
  readonly end: () => Promise<void>;
}

/** Starts a tool that reads its standard input, while the caller goes on. */
export function feed(context: PipeContext, argv: readonly string[], options: PipeOptions): Feed {
  const [file = '', ...args] = argv;
  const tool = spawn(file, args, {
    env: { ...TOOL_ENV, ...options.env },
    stdio: ['pipe', options.out ?? 'ignore', 'pipe'],
    signal: context.signal,
    killSignal: 'SIGKILL',
  });
  const { stdin, stderr } = tool;
  // What the types of Node cannot tell when a number is among the three.
  if (stdin === null || stderr === null) throw new Error('a tool without pipes');
  let tail = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-TAIL);
  });
  // The tool's exit status tells more than that it no longer reads.
  stdin.on('error', () => undefined);
  const ended = (async (): Promise<void> => {
    let exit: string;
    try {
      const [code, signal] = (await once(tool, 'close')) as [number | null, string | null];
      if (code === 0) return;
      exit = code === null ? `killed by ${signal ?? 'a signal'}` : `exit status ${String(code)}`;
    } catch (error) {
      context.signal.throwIfAborted();
      exit = error instanceof Error ? error.message : 'could not be started';
    }
    for (const line of tail.split('\n')) if (line !== '') context.log(line);
    throw new CommandError({ doing: options.doing, argv, exit, tail });
  })();
  // Awaited by the caller later; until then a failure must not end the process.
  ended.catch(() => undefined);
  return {
    write: async (pieces) => {
      const last = pieces.at(-1);
      if (stdin.destroyed || last === undefined) return;
      stdin.cork();
      for (const piece of pieces.slice(0, -1)) stdin.write(piece);
      await new Promise<void>((resolve) => {
        // Called when it failed, too.
        stdin.write(last, () => {
          resolve();
        });
        stdin.uncork();
      });
    },
    end: async () => {
      stdin.end();
      await ended;
    },
  };
}
