import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type { Verification } from '../../src/commands/verify-run.js';
import { plain } from '../../src/verify/boot-console.js';
import type { BootReport } from '../../src/verify/boot-types.js';
import { build, buildEnv } from './build.js';
import { CHECKOUT, imgbuild, type Outcome } from './cli.js';

/** A machine that `imgbuild boot` has started. */
export interface Machine {
  /** Resolves when the console shows this; rejects when the machine ends before. */
  readonly shows: (text: RegExp) => Promise<void>;
  readonly type: (text: string) => void;
  /** Logs in at the prompt. */
  readonly login: (user: string, password: string) => Promise<void>;
  /** Runs a command in the shell of who has logged in, and returns what it wrote to both outputs. */
  readonly run: (command: string) => Promise<string>;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<Outcome>;
}

/** Builds a machine from an example with some more lines, and returns its disk in `output`. */
export async function machineFrom(
  example: string,
  lines: string,
  suffix: string,
  { directory, output }: { readonly directory: string; readonly output: string },
): Promise<string> {
  const [suite = ''] = example.split('-');
  const profile = path.join(directory, `${example}-vm.yaml`);
  writeFileSync(profile, `extends: ${CHECKOUT}/profiles/examples/${suite}/${example}.yaml\n${lines}`);
  const built = await build([profile, '--output', output, '--keep', '1']);
  const file = built.results[0]?.files.find(({ path: name }) => name.endsWith(suffix));
  return path.join(output, file?.path ?? '');
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
  const shows = async (text: RegExp): Promise<void> => {
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
  };
  const type = (text: string): void => {
    child.stdin.write(text);
  };
  let commands = 0;
  return {
    shows,
    type,
    login: async (user, password) => {
      await shows(/ login: /);
      type(`${user}\n`);
      await shows(/Password: /);
      type(`${password}\n`);
      await shows(/@\S+[$#] /);
    },
    run: async (command) => {
      commands += 1;
      // The marks are put together in the machine: the echo of the line has none.
      const mark = (name: string): string => `echo @@"${String(commands)}" ${name}`;
      type(`${mark('begin')}; { ${command}; } 2>&1; ${mark('end')}\n`);
      const answer = new RegExp(`@@${String(commands)} begin([^]*)@@${String(commands)} end`);
      await shows(answer);
      return plain(answer.exec(stdout)?.[1] ?? '').trim();
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

/** What has to hold for every good machine that was booted three times. */
export function expectGood(report: BootReport): void {
  expect(report.boots.map(({ name, seconds, trouble }) => [name, trouble, typeof seconds.booted])).toEqual(
    ['first', 'second', 'other'].map((name) => [name, undefined, 'number']),
  );
  expect(report.findings.filter(({ severity }) => severity !== 'info')).toEqual([]);
  const [first, second, other] = report.boots;
  expect(first?.facts?.state).toBe('running');
  expect(first?.facts?.root.bytes).toBeGreaterThan(2.5 * 2 ** 30);
  expect(first?.facts?.identities.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['machine-id', 'host key', 'disk', 'partition', 'file system']),
  );
  expect(second?.facts?.identities).toEqual(first?.facts?.identities);
  expect(other?.facts?.identities.map(({ value }) => value)).not.toEqual(
    first?.facts?.identities.map(({ value }) => value),
  );
}
