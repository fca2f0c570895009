import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** What a command did. */
export interface Outcome {
  /** Exit code, or the name of the signal that ended it. */
  readonly code: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** The directory of the checkout. */
export const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Runs a command to its end, without a terminal. */
export async function runCommand(argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const [command = '', ...args] = argv;
  const child = spawn(command, args, {
    cwd: options.cwd ?? CHECKOUT,
    env: { ...process.env, ...options.env },
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // A command that ends without reading its input closes the pipe first.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  return await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code: code ?? signal ?? '', stdout, stderr });
    });
  });
}

/** Runs the compiled program as its users do. */
export function imgbuild(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return runCommand([process.execPath, `${CHECKOUT}/dist/bundle/cli.js`, ...args], options);
}
