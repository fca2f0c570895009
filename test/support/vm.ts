import { spawn } from 'node:child_process';
import { CHECKOUT, imgbuild, type Outcome } from './cli.js';
import { buildEnv } from './build.js';
import type { Verification } from '../../src/commands/verify-run.js';

/** A machine that `imgbuild boot` has started. */
export interface Machine {
  /** Resolves when the console shows this; rejects when the machine ends before. */
  readonly shows: (text: RegExp) => Promise<void>;
  readonly type: (text: string) => void;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<Outcome>;
}

/** Starts `imgbuild boot` without a terminal. */
export function startMachine(args: readonly string[]): Machine {
  const child = spawn(process.execPath, [`${CHECKOUT}/dist/bundle/cli.js`, 'boot', ...args], {
    cwd: CHECKOUT,
    env: { ...process.env, ...buildEnv() },
    stdio: 'pipe',
  });
  let stdout = '';
  let stderr = '';
  let changed = (): void => undefined;
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    stdout += text;
    changed();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Outcome>((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code: code ?? signal ?? '', stdout, stderr });
    });
  });
  return {
    shows: async (text) => {
      const seen = new Promise<void>((resolve) => {
        changed = () => {
          if (text.test(stdout)) resolve();
        };
        changed();
      });
      const over = ended.then(({ code }) => {
        throw new Error(`the machine ended with ${String(code)}:\n${stderr}\n${stdout.slice(-2000)}`);
      });
      await Promise.race([seen, over]);
    },
    type: (text) => {
      child.stdin.write(text);
    },
    kill: (signal) => {
      child.kill(signal);
    },
    ended,
  };
}

/** Boots images as `verify --boot` does, and returns all that it tells. */
export async function verifyBoot(args: readonly string[]): Promise<Verification> {
  const outcome = await imgbuild(['verify', '--boot', '--no-rules', '--json', ...args], { env: buildEnv() });
  if (outcome.code !== 0 && outcome.code !== 7) {
    throw new Error(`verify ${args.join(' ')} ended with ${String(outcome.code)}:\n${outcome.stderr}`);
  }
  process.stderr.write(outcome.stderr);
  return JSON.parse(outcome.stdout) as Verification;
}
