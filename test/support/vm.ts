import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Verification } from '../../src/commands/verify-run.js';
import { plain } from '../../src/verify/boot-console.js';
import type { BootReport } from '../../src/verify/boot-types.js';
import { build, buildEnv } from './build.js';
import { CHECKOUT, imgbuild, runCommand, type Outcome } from './cli.js';
import { BOOT_OUTPUT, testKey } from './key.js';

/** A machine that `imgbuild boot` has started. */
export interface Machine {
  /** Resolves with what matches when the console shows this; rejects when the machine ends before. */
  readonly shows: (text: RegExp) => Promise<RegExpExecArray>;
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

/** The machine for KVM that several tests boot, with the key of the tests. */
export async function kvmMachine(): Promise<string> {
  const lines = `options: { login: { authorizedKeys: ['${testKey().line}'] } }\n`;
  return await machineFrom('deb12-amd64-kvm', lines, '.qcow2', { directory: BOOT_OUTPUT, output: BOOT_OUTPUT });
}

/** No step of an emulated machine takes so long, even where others run beside it. */
const PATIENCE_MS = 10 * 60_000;

/** Starts `imgbuild boot` without a terminal. */
export function startMachine(args: readonly string[], env: Readonly<Record<string, string>> = {}): Machine {
  const child = spawn(process.execPath, [`${CHECKOUT}/dist/bundle/cli.js`, 'boot', ...args], {
    cwd: CHECKOUT,
    env: { ...process.env, ...buildEnv(), ...env },
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
  const shows = async (text: RegExp): Promise<RegExpExecArray> => {
    const seen = new Promise<RegExpExecArray>((resolve) => {
      changed = () => {
        const found = text.exec(stdout);
        if (found !== null) resolve(found);
      };
      changed();
    });
    const told = (what: string): Error =>
      new Error(`${what}, and not ${String(text)}:\n${stderr}\n${stdout.slice(-2000)}`);
    const over = ended.then(({ code }): never => {
      throw told(`the machine ended with ${String(code)}`);
    });
    const waiting = new AbortController();
    const late = delay(PATIENCE_MS, undefined, { signal: waiting.signal }).then((): never => {
      throw told('the machine shows this for a long time');
    });
    try {
      return await Promise.race([seen, over, late]);
    } finally {
      waiting.abort();
    }
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
      const [, said = ''] = await shows(answer);
      return plain(said).trim();
    },
    kill: (signal) => {
      child.kill(signal);
    },
    ended,
  };
}

/** Runs a command in a machine whose port 22 is led to this one, by key; sshd may start after the prompt. */
export async function bySsh(port: number, key: string, command: string): Promise<Outcome> {
  const options = ['BatchMode=yes', 'UserKnownHostsFile=/dev/null', 'StrictHostKeyChecking=no'];
  const argv = [...options.flatMap((option) => ['-o', option]), '-i', key, '-p', String(port), 'cosmo@127.0.0.1'];
  for (let n = 0; ; n += 1) {
    const told = await runCommand(['ssh', ...argv, command]);
    if (told.code !== 255 || n === 20) return told;
    await delay(3000);
  }
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
  // A slow machine makes its RSA key of 4096 bits after its first boot is told, or at the second one.
  expect(second?.facts?.identities).toEqual(expect.arrayContaining([...(first?.facts?.identities ?? [])]));
  expect(other?.facts?.identities.map(({ value }) => value)).not.toEqual(
    first?.facts?.identities.map(({ value }) => value),
  );
}
