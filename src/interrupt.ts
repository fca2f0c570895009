import { EXIT, UserError, type ExitCode } from './errors.js';

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.terminated } as const;

const controller = new AbortController();
let unwinds = false;
let received: ExitCode | undefined;

/**
 * Aborted by the first Ctrl-C, SIGTERM or hang-up. Who asks for it promises to unwind and return; a verb that
 * never asks is ended at once.
 */
export function interruption(): AbortSignal {
  unwinds = true;
  return controller.signal;
}

/** The exit code of the signal that arrived, if one did. */
export function interruptedBy(): ExitCode | undefined {
  return received;
}

/** Installed once, by the command line. A second signal does not wait for anything. */
export function handleSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (received !== undefined || !unwinds) process.exit(CODES[signal]);
      received = CODES[signal];
      controller.abort(new UserError('interrupted', { exitCode: received }));
    });
  }
}
