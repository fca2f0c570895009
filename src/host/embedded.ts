import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import path from 'node:path';
import { CommandError, EXIT } from '../errors.js';
import { run } from '../exec/run.js';
import { bootstrapTar, eachLine, type Progress } from './bootstrap.js';
import { withLock } from './lock.js';
import type { Host } from './program.js';
import type { Recipe } from './recipe.js';
import { hostEnvironment } from './which.js';

/** Options of `unshare` that make root of an ordinary user, with all of its subordinate ids. */
export const USER_NAMESPACE = ['--user', '--map-root-user', '--map-auto'] as const;

/** Mount points that the builder must have. */
const MOUNT_POINTS = [
  'dev',
  'proc',
  'sys',
  'cache',
  'out',
  'src',
  'work',
  'profiles',
  'collections',
  'opt/ovftool',
  'usr/lib/imgbuild',
  'usr/lib/node_modules',
];

/** Directory of the embedded builder's root filesystem, which exists only when it is complete. */
export function embeddedRoot(host: Host, digest: string): string {
  // Root and an ordinary user cannot share one: its files belong to different ids.
  return path.join(builderDirectory(host), `${digest.slice(0, 12)}-${String(process.getuid?.() ?? 0)}`, 'root');
}

function builderDirectory(host: Host): string {
  return path.join(host.cacheDir, 'builder');
}

export interface EmbeddedOptions {
  readonly asRoot: boolean;
  readonly rebuild: boolean;
  readonly aptProxy?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Makes sure of the embedded builder's root filesystem. */
export async function ensureEmbedded(
  host: Host,
  recipe: Recipe,
  options: EmbeddedOptions,
  progress: Progress,
): Promise<string> {
  const root = embeddedRoot(host, recipe.digest);
  if (existsSync(root) && !options.rebuild) return root;
  const wait = (): void => {
    progress('waiting for another imgbuild that makes the builder');
  };
  return await withLock(host.env, path.join(builderDirectory(host), 'lock'), wait, async () => {
    if (existsSync(root) && !options.rebuild) return root;
    progress(`making the embedded builder (Debian ${recipe.suite}, ${String(recipe.packages.length)} packages), once`);
    const aside = `${root}.new`;
    await removeTree(host, aside, options.asRoot);
    await mkdir(aside, { recursive: true });
    try {
      await unpackBootstrap(host, recipe, aside, options, progress);
      await Promise.all(MOUNT_POINTS.map((dir) => mkdir(path.join(aside, dir), { recursive: true })));
      await copyFile(path.join(host.program.dir, 'entrypoint'), path.join(aside, 'usr/bin/imgbuild'));
      await removeTree(host, root, options.asRoot);
      await rename(aside, root);
    } catch (error) {
      await removeTree(host, aside, options.asRoot);
      throw error;
    }
    return root;
  });
}

async function unpackBootstrap(
  host: Host,
  recipe: Recipe,
  dir: string,
  options: EmbeddedOptions,
  progress: Progress,
): Promise<void> {
  const { tar, done } = await bootstrapTar(host, recipe, { ...options, packages: recipe.packages }, progress);
  const argv = ['tar', '-x', '-p', '--numeric-owner', '--xattrs', '--xattrs-include=*', '-C', dir];
  const [file, ...args] = inNamespace(argv, options.asRoot);
  const unpack = spawn(file ?? '', args, { env: hostEnvironment(host.env), stdio: ['pipe', 'ignore', 'pipe'] });
  const tail: string[] = [];
  eachLine(unpack.stderr, (line) => tail.push(line));
  // When tar dies its pipe breaks; what tar has said is the better message.
  unpack.stdin.on('error', () => tar.destroy());
  tar.pipe(unpack.stdin);
  const closed = once(unpack, 'close') as Promise<[number | null]>;
  const [[code]] = await Promise.all([closed, done]);
  if (code !== 0) {
    throw new CommandError({
      doing: 'unpacking the embedded builder',
      argv,
      exit: `exit status ${String(code)}`,
      tail: tail.slice(-20).join('\n'),
      exitCode: EXIT.environment,
    });
  }
}

/** What is there of embedded builders: directories named by the recipe they were made from. */
export async function embeddedBuilders(host: Host): Promise<readonly string[]> {
  const entries = await readdir(builderDirectory(host), { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory()).map((entry) => path.join(builderDirectory(host), entry.name));
}

/** Removes all embedded builders; returns their directories. */
export async function removeEmbedded(host: Host, asRoot: boolean): Promise<readonly string[]> {
  const dirs = await embeddedBuilders(host);
  await withLock(
    host.env,
    path.join(builderDirectory(host), 'lock'),
    () => undefined,
    async () => {
      for (const dir of dirs) {
        await removeTree(host, path.join(dir, 'root'), asRoot);
        await removeTree(host, path.join(dir, 'root.new'), asRoot);
        await rmdir(dir);
      }
    },
  );
  return dirs;
}

/** Removes a tree whose files may belong to subordinate ids of this user. */
async function removeTree(host: Host, dir: string, asRoot: boolean): Promise<void> {
  if (!existsSync(dir)) return;
  if (asRoot) await rm(dir, { recursive: true, force: true });
  else await run(inNamespace(['rm', '-rf', dir], false), { doing: `removing ${dir}`, env: hostEnvironment(host.env) });
}

function inNamespace(argv: readonly string[], asRoot: boolean): readonly string[] {
  return asRoot ? argv : ['unshare', ...USER_NAMESPACE, '--', ...argv];
}
