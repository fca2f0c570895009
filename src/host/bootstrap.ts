import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { CommandError, EXIT, UserError } from '../errors.js';
import { nonEmpty, type Host } from './program.js';
import type { Recipe } from './recipe.js';
import { hostEnvironment, onPath } from './which.js';

/** Takes lines that tell the user what is going on; `detail` marks what a tool says on the way, of which there is a lot. */
export type Progress = (line: string, detail?: boolean) => void;

export interface BootstrapOptions {
  readonly packages: readonly string[];
  readonly asRoot: boolean;
  /** Proxy for the download; nothing of it stays in what is made. */
  readonly aptProxy?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Documentation makes up a fifth of the builder and nobody reads it there. */
const DPKG_OPTIONS = [
  'force-unsafe-io',
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/doc/*',
  'path-exclude=/usr/share/locale/*',
  'path-include=/usr/share/locale/locale.alias',
  // Firmware for arm64 four times over, each filled up to 64 MiB; QEMU takes what lies in its own directory.
  'path-exclude=/usr/share/AAVMF/*',
];

/**
 * Makes a Debian root filesystem with mmdebstrap, as a tar stream.
 *
 * @returns the stream, and a promise that rejects when mmdebstrap fails: a tar that ends early says nothing by itself.
 */
export async function bootstrapTar(
  host: Host,
  recipe: Recipe,
  options: BootstrapOptions,
  progress: Progress,
): Promise<{ readonly tar: Readable; readonly done: Promise<void> }> {
  const { env } = host;
  if (!(await onPath('mmdebstrap', env))) {
    throw new UserError('mmdebstrap is not installed, and the builder cannot be made without it', {
      hint: 'sudo apt-get install mmdebstrap debian-archive-keyring uidmap',
      exitCode: EXIT.environment,
    });
  }
  const argv = [
    'mmdebstrap',
    `--mode=${options.asRoot ? 'root' : 'unshare'}`,
    '--variant=minbase',
    '--format=tar',
    ...DPKG_OPTIONS.map((option) => `--dpkgopt=${option}`),
    '--aptopt=APT::Install-Recommends "false"',
    ...(options.packages.length === 0 ? [] : [`--include=${options.packages.join(',')}`]),
    // Engines and the embedded launcher bring their own; mknod is refused to ordinary users.
    '--skip=output/dev',
    // mmdebstrap copies the names of this machine, which the builder must not carry on.
    '--customize-hook=rm -f "$1/etc/hostname" "$1/etc/resolv.conf"; : > "$1/etc/resolv.conf"',
    ...keyring(),
    recipe.suite,
    '-',
  ];
  const proxy = options.aptProxy;
  const child = spawn(argv[0] ?? '', argv.slice(1), {
    // By the environment, because an apt option would be written into the new system.
    env: { ...hostEnvironment(env), ...(nonEmpty(proxy) ? { http_proxy: proxy } : {}) },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const tail: string[] = [];
  eachLine(child.stderr, (line) => {
    tail.push(line);
    if (tail.length > 20) tail.shift();
    if (/^(I|W|E):/.test(line)) progress(line.replace(/^[IWE]: /, ''), true);
  });
  const done = once(child, 'close').then(([code, signal]: unknown[]) => {
    if (code === 0) return;
    throw new CommandError({
      doing: `bootstrapping Debian ${recipe.suite}`,
      argv,
      exit: typeof code === 'number' ? `exit status ${String(code)}` : `killed by ${String(signal)}`,
      tail: tail.join('\n'),
      // With the right tools and namespaces there, it is nearly always the archive.
      exitCode: EXIT.archive,
    });
  });
  return { tar: child.stdout, done };
}

/** On a machine that is not Debian, apt does not trust Debian's archive by itself. */
function keyring(): readonly string[] {
  const file = '/usr/share/keyrings/debian-archive-keyring.gpg';
  return existsSync(file) ? [`--keyring=${file}`] : [];
}

/** Calls `onLine` for each line of a stream. */
export function eachLine(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    lines.forEach(onLine);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
