import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CommandError } from '../../errors.js';
import { TOOL_ENV } from '../run.js';

/** How many characters of what a tool has said are kept for the error. */
const TAIL = 4000;

/**
 * Runs a tool with a stream as its standard input.
 *
 * @throws CommandError when it fails; what is wrong with the stream counts more.
 */
export async function runPiped(
  argv: readonly string[],
  input: AsyncIterable<Buffer>,
  options: { readonly doing: string; readonly signal: AbortSignal; readonly log: (line: string) => void },
): Promise<void> {
  const { doing, signal, log } = options;
  signal.throwIfAborted();
  const [command = '', ...args] = argv;
  const child = spawn(command, args, { env: TOOL_ENV, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  const hear = (text: string): void => {
    said = `${said}${text}`.slice(-TAIL);
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  const stop = (): void => void child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  try {
    const closed = once(child, 'close') as Promise<[number | null]>;
    const fed = pipeline(Readable.from(input, { objectMode: false }), child.stdin).then(
      () => undefined,
      (error: unknown) => error,
    );
    const [[code], broken] = await Promise.all([closed, fed]);
    signal.throwIfAborted();
    for (const line of said.split('\n')) if (line !== '') log(line);
    // A tool that ends early breaks its pipe; its own words tell why.
    const pipe = (broken as NodeJS.ErrnoException | undefined)?.code === 'EPIPE';
    if (broken !== undefined && !pipe) throw broken as Error;
    if (code === 0 && !pipe) return;
    throw new CommandError({ doing, argv, exit: code === null ? 'killed' : `exit status ${String(code)}`, tail: said });
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
  }
}
