import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CHECKOUT, imgbuild, type Outcome } from './cli.js';

/** One cache for all tests of a machine: what one test has built, the next does not build again. */
export const CACHE = process.env['IMGBUILD_TEST_CACHE'] ?? path.join(CHECKOUT, '.cache/test');

/** Environment of every build in the tests. */
export function buildEnv(cache: string = CACHE): { IMGBUILD_CACHE_DIR: string; IMGBUILD_ENGINE: string } {
  mkdirSync(cache, { recursive: true });
  return { IMGBUILD_CACHE_DIR: cache, IMGBUILD_ENGINE: 'embedded' };
}

/** A new directory that is removed when `use` ends. */
export async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export interface Built {
  readonly outputDir: string;
  readonly results: readonly {
    readonly profile: string;
    readonly state: string;
    readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
  }[];
}

/** Builds, expects success, and returns the parsed results. */
export async function build(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Built> {
  const outcome = await imgbuild(['build', '--json', ...args], { env: { ...buildEnv(), ...env } });
  if (outcome.code !== 0)
    throw new Error(`build ${args.join(' ')} ended with ${String(outcome.code)}:\n${outcome.stderr}`);
  return JSON.parse(outcome.stdout) as Built;
}

/** SHA-256 of the image of the only result. */
export function imageDigest(built: Built): string {
  return built.results[0]?.files[0]?.sha256 ?? '';
}

/** Absolute path of the image of the only result. */
export function imagePath(built: Built): string {
  return path.join(built.outputDir, built.results[0]?.files[0]?.path ?? '');
}

/** Builds and expects failure. */
export async function failingBuild(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return await imgbuild(['build', ...args], { env: { ...buildEnv(), ...env } });
}

/** Starts a build in the background. */
export function startBuild(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return startVerb(['build', ...args], env);
}

/** Starts a verb in the background, in a process group of its own so that a terminal's Ctrl-C can be imitated. */
export function startVerb(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child: ChildProcess = spawn(process.execPath, [`${CHECKOUT}/dist/bundle/cli.js`, ...args], {
    cwd: CHECKOUT,
    env: { ...process.env, ...buildEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let stderr = '';
  const lines: { text: string; seen: () => void }[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const { text: wanted, seen } of lines) if (stderr.includes(wanted)) seen();
  });
  const ended = new Promise<{ code: number | string; stderr: string }>((resolve) => {
    child.on('close', (code, signal) => {
      resolve({ code: code ?? signal ?? '', stderr });
    });
  });
  return {
    ended,
    /** Sends a signal to the launcher alone. One that has just ended takes none: that is no error. */
    kill: (signal: NodeJS.Signals): boolean => child.kill(signal),
    /** Resolves when standard error holds the text, or the build has ended. */
    said: (text: string): Promise<void> =>
      Promise.race([
        new Promise<void>((seen) => {
          if (stderr.includes(text)) seen();
          else lines.push({ text, seen });
        }),
        ended.then(() => undefined),
      ]),
  };
}

/** What a build that was ended in the middle may have left behind on this machine. */
export function leftovers(cache: string, output: string): string[] {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(cache) || line.includes(output));
  const loops = readdirSync('/sys/block')
    .map((name) => `/sys/block/${name}/loop/backing_file`)
    .filter((file) => existsSync(file))
    .map((file) => readFileSync(file, 'utf8').trim())
    .filter((file) => file.includes(cache) || file.includes(output));
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // A process of a builder is one that has the cache mounted, and this test has not.
        const ours = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(`${cache} /`);
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return ours ? [`process ${pid}: ${command.slice(0, 100)}`] : [];
      } catch {
        return [];
      }
    });
  const partial = existsSync(output)
    ? readdirSync(output, { recursive: true, encoding: 'utf8' }).filter((name) => /\.imgbuild-|\.partial/.test(name))
    : [];
  const work = path.join(cache, 'work');
  const works = existsSync(work) ? readdirSync(work).map((name) => `work/${name}`) : [];
  return [...mounts, ...loops, ...processes, ...partial, ...works];
}
