import { execa } from 'execa';
import { CommandError, type ExitCode } from '../errors.js';

/** How many of a tool's last lines are kept for the error message. */
const TAIL_LINES = 30;

export interface RunOptions {
  /** What the user would call it: `unpacking packages`. */
  readonly doing: string;
  /** Exactly these variables; nothing of the caller's environment leaks into a build. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Written to standard input, which is otherwise empty. */
  readonly input?: string;
  readonly signal?: AbortSignal | undefined;
  /** Called with each line of standard output and standard error, in the order in which they arrive. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Called with the id of the process when it has started; what it returns is called when the process has ended. */
  readonly meanwhile?: (pid: number) => () => void;
  readonly exitCode?: ExitCode;
  readonly hint?: string;
  /** Exit statuses that count as success; 0 alone by default. */
  readonly accept?: readonly number[];
}

/** The environment that every tool of a build gets: fixed locale and path, nothing personal. */
export const TOOL_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  LANG: 'C.UTF-8',
  LC_ALL: 'C.UTF-8',
  HOME: '/root',
  TERM: 'dumb',
  DEBIAN_FRONTEND: 'noninteractive',
  DEBCONF_NONINTERACTIVE_SEEN: 'true',
};

/**
 * Runs a tool to its end and passes its lines on as they come.
 *
 * execa's own buffering stops a process that says more than 100 MB, and keeps all of it in memory; a bootstrap is chatty,
 * so only the last lines are kept, for the error. Aborting kills at once: `unshare --fork` passes no other signal on, and
 * what a tool leaves behind lies in a directory and in namespaces that go with the build.
 *
 * @throws CommandError when the tool exits with anything that is not accepted, or is killed.
 */
export async function run(argv: readonly string[], options: RunOptions): Promise<number> {
  const [file, ...args] = argv;
  if (file === undefined) throw new Error('run: empty argv');
  const tail: string[] = [];
  const subprocess = execa(file, args, {
    env: { ...TOOL_ENV, ...options.env },
    extendEnv: false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    all: true,
    buffer: false,
    reject: false,
    killSignal: 'SIGKILL',
  });
  const over = subprocess.pid === undefined ? undefined : options.meanwhile?.(subprocess.pid);
  try {
    for await (const line of subprocess.iterable({ from: 'all' })) {
      tail.push(line);
      if (tail.length > TAIL_LINES) tail.shift();
      options.onLine?.(line);
    }
  } finally {
    over?.();
  }
  const result = await subprocess;
  if (options.signal?.aborted === true) options.signal.throwIfAborted();
  if (result.exitCode !== undefined && (options.accept ?? [0]).includes(result.exitCode)) return result.exitCode;
  throw new CommandError({
    doing: options.doing,
    argv,
    exit: describeExit(result),
    tail: tail.join('\n'),
    ...(options.exitCode === undefined ? {} : { exitCode: options.exitCode }),
    ...(options.hint === undefined ? {} : { hint: options.hint }),
  });
}

/** Runs a tool and returns what it wrote to standard output, which must be small (below 100 MB). */
export async function output(argv: readonly string[], options: RunOptions): Promise<string> {
  const [file, ...args] = argv;
  if (file === undefined) throw new Error('output: empty argv');
  const result = await execa(file, args, {
    env: { ...TOOL_ENV, ...options.env },
    extendEnv: false,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    reject: false,
    killSignal: 'SIGKILL',
    stripFinalNewline: false,
  });
  if (options.signal?.aborted === true) options.signal.throwIfAborted();
  for (const line of result.stderr.split('\n')) if (line !== '') options.onLine?.(line);
  if (result.exitCode !== undefined && (options.accept ?? [0]).includes(result.exitCode)) return result.stdout;
  throw new CommandError({
    doing: options.doing,
    argv,
    exit: describeExit(result),
    tail: result.stderr.split('\n').slice(-TAIL_LINES).join('\n'),
    ...(options.exitCode === undefined ? {} : { exitCode: options.exitCode }),
    ...(options.hint === undefined ? {} : { hint: options.hint }),
  });
}

function describeExit(result: {
  exitCode?: number | undefined;
  signal?: string | undefined;
  code?: string | undefined;
}): string {
  if (result.exitCode !== undefined) return `exit status ${String(result.exitCode)}`;
  if (result.signal !== undefined) return `killed by ${result.signal}`;
  return result.code ?? 'could not be started';
}
