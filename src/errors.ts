/** Exit codes of the command, one meaning each; documented in docs/exit-codes.md. */
export const EXIT = {
  ok: 0,
  differ: 1,
  usage: 2,
  environment: 3,
  archive: 4,
  step: 5,
  drift: 6,
  findings: 7,
  bug: 70,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Something the user can mend: what is wrong, and what to do about it. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(message: string, options: { hint?: string; exitCode?: ExitCode; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? EXIT.usage;
  }
}

/** One thing wrong in one file of the user, with its place (1-based line and column; line 0: none, as in an argument). */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly col: number;
  /** Where in the document, e.g. `options.login.user`. */
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
}

/** All problems of all files at once; exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly exitCode = EXIT.usage;
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** `file:line:col: path: message (hint)`, the form that editors and terminals make clickable. */
export function formatProblem(problem: Problem): string {
  const where = problem.line === 0 ? problem.file : `${problem.file}:${String(problem.line)}:${String(problem.col)}`;
  const path = problem.path === '' ? '' : `${problem.path}: `;
  const hint = problem.hint === undefined ? '' : ` (${problem.hint})`;
  return `${where}: ${path}${problem.message}${hint}`;
}

/** A tool that failed: what it was doing, what it was called with, and the last lines it said. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;
  readonly doing: string;
  readonly argv: readonly string[];
  readonly exit: string;
  readonly tail: string;

  constructor(details: {
    doing: string;
    argv: readonly string[];
    exit: string;
    tail: string;
    hint?: string;
    exitCode?: ExitCode;
  }) {
    super(`${details.doing} failed (${details.argv[0] ?? ''}: ${details.exit})`);
    this.doing = details.doing;
    this.argv = details.argv;
    this.exit = details.exit;
    this.tail = details.tail;
    this.hint = details.hint;
    this.exitCode = details.exitCode ?? EXIT.step;
  }
}
