import { CommandError, ConfigError, EXIT, UserError, type ExitCode, type Problem } from './errors.js';

/** An error as people read it, and the exit code that goes with it. */
export interface Report {
  readonly exitCode: ExitCode;
  readonly message: string;
  /** Lines below the message: what a tool said, where a bug is. */
  readonly detail: readonly string[];
  readonly hint?: string;
  /** What the message lists, one by one. */
  readonly problems?: readonly Problem[];
}

/** A line of a log for machines. */
interface LogRecord {
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Refusals of the system that no layer explained: not the program's fault, and not the profile's either. */
const ENVIRONMENT_CODES = ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE', 'ENOMEM'];

/** Says what an error means to the user; `verbose` adds stacks and command lines. */
export function describeError(error: unknown, verbose: boolean): Report {
  if (error instanceof ConfigError) {
    const count = error.problems.length;
    return {
      exitCode: error.exitCode,
      message: error.message,
      detail: count > 1 ? [`${String(count)} problems found`] : [],
      problems: error.problems,
    };
  }
  if (error instanceof UserError) {
    const detail = verbose && error.cause !== undefined ? stackOf(error.cause) : [];
    return withHint({ exitCode: error.exitCode, message: error.message, detail }, error.hint);
  }
  if (error instanceof CommandError) {
    const command = verbose ? [`command: ${error.argv.join(' ')}`] : [];
    const tail = error.tail.trimEnd();
    const detail = [...command, ...(tail === '' ? [] : tail.split('\n'))];
    return withHint({ exitCode: error.exitCode, message: error.message, detail }, error.hint);
  }
  if (error instanceof Error && 'code' in error && ENVIRONMENT_CODES.includes(String(error.code))) {
    return { exitCode: EXIT.environment, message: error.message, detail: verbose ? stackOf(error) : [] };
  }
  return withHint(
    {
      exitCode: EXIT.bug,
      message: `this is a bug in imgbuild: ${error instanceof Error ? error.message : String(error)}`,
      detail: verbose ? stackOf(error) : [],
    },
    `please report it, with the output of the same command with --verbose and of \`imgbuild doctor\``,
  );
}

function withHint(report: Report, hint: string | undefined): Report {
  return hint === undefined ? report : { ...report, hint };
}

function stackOf(error: unknown): string[] {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return text.split('\n');
}

/** The report for machines: each problem of files is a record of its own, with its place, and anything else one. */
export function recordsOf(report: Report): LogRecord[] {
  const { message, problems, ...fields } = report;
  if (problems === undefined) return [{ message, fields }];
  return problems.map(({ message, line, col, ...rest }) => {
    const place = line === 0 ? {} : { line, column: col };
    return { message, fields: { exitCode: report.exitCode, ...place, ...rest } };
  });
}

/** The report as lines for a terminal; the first begins with the program's name, as tools do. */
export function formatReport(report: Report): string[] {
  const hint = report.hint === undefined ? [] : [`  hint: ${report.hint}`];
  return [`imgbuild: ${report.message}`, ...report.detail.map((line) => `  ${line}`), ...hint];
}
