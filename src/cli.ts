#!/usr/bin/env node
import { CommanderError } from 'commander';
import { wantedExitCode } from './commands/common.js';
import { createProgram } from './commands/program.js';
import { EXIT, type ExitCode } from './errors.js';
import { handleSignals, interruptedBy } from './interrupt.js';
import { createJsonLogger } from './log.js';
import { describeError, formatReport, recordsOf, type Report } from './report.js';
import { createScreen, styled } from './screen.js';

/** Runs the command line and says with which code to leave. Nothing else prints errors. */
async function main(args: readonly string[]): Promise<ExitCode> {
  handleSignals();
  survivePipes();
  try {
    const program = await createProgram(args);
    if (args.length === 0) {
      program.outputHelp({ error: true });
      return EXIT.usage;
    }
    await program.parseAsync(args, { from: 'user' });
    return interruptedBy() ?? wantedExitCode();
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const report = reportOf(error, args.includes('-v') || args.includes('--verbose'));
    await say(args, report);
    return report.exitCode;
  }
}

function reportOf(error: unknown, verbose: boolean): Report {
  // Whatever an interrupted verb fell over, it fell over because of the signal.
  const signal = interruptedBy();
  if (signal !== undefined) {
    return { exitCode: signal, message: 'interrupted', detail: verbose ? describeError(error, true).detail : [] };
  }
  if (!(error instanceof CommanderError)) return describeError(error, verbose);
  const [message = '', ...detail] = error.message.replace(/^error: /, '').split('\n');
  return { exitCode: EXIT.usage, message, detail, hint: '--help tells what there is' };
}

async function say(args: readonly string[], report: Report): Promise<void> {
  const json = args.some(
    (word, n) => word === '--log-format=json' || (word === 'json' && args[n - 1] === '--log-format'),
  );
  if (json) {
    const log = await createJsonLogger('error');
    for (const { message, fields } of recordsOf(report)) log.error(message, fields);
    return;
  }
  const screen = createScreen(process.stderr, process.env, { color: !args.includes('--no-color') });
  formatReport(report).forEach((line, n) => {
    screen.line(n === 0 ? styled(screen, 'red', line) : line);
  });
}

/** A reader that went away (`imgbuild list | head -1`) is no error; what else goes wrong on a pipe is one. */
function survivePipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      if (stream === process.stdout) process.exit(EXIT.ok);
    });
  }
}

const code = await main(process.argv.slice(2));
// A socket that an engine keeps open must not keep the process: leave when the last words are written.
process.stdout.write('', () => process.exit(code));
