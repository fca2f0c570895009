import { linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { buildEnv, CACHE, imagePath, type Built } from './build.js';
import { CHECKOUT, runCommand } from './cli.js';

/** The profile that most tests build. */
export const PROFILE = 'deb12-amd64-lxc';

/** Where `reference` builds. */
export const REFERENCE_OUTPUT = `${CACHE}-out`;

/**
 * The image that others are compared with, built by the embedded engine as root: by the first of the test files that asks,
 * while the others wait.
 */
export async function reference(): Promise<Built> {
  const { env, outputDir } = { env: buildEnv(), outputDir: REFERENCE_OUTPUT };
  const argv = [process.execPath, `${CHECKOUT}/dist/bundle/cli.js`, 'build', '--json', PROFILE, '--output', outputDir];
  const outcome = await runCommand(['flock', `${CACHE}-lock`, ...argv], { env });
  if (outcome.code !== 0) throw new Error(`the reference build ended with ${String(outcome.code)}:\n${outcome.stderr}`);
  return JSON.parse(outcome.stdout) as Built;
}

/**
 * A cache of one's own, as the reference build has left the common one, for tests that damage it or that must not see what
 * others have built. The files are the same ones: replace them, never write into them.
 *
 * @param lacking names of the stages that builds have to make again; without `base` there is no piece of any tree either.
 */
export async function withCacheCopy<T>(lacking: readonly string[], use: (cache: string) => T | Promise<T>): Promise<T> {
  await reference();
  // Beside it, because hard links do not leave a filesystem.
  const cache = mkdtempSync(`${CACHE}-copy-`);
  try {
    symlinkSync(path.join(CACHE, 'builder'), path.join(cache, 'builder'));
    const trees = lacking.includes('base') ? [] : ['frames', 'stages', 'inputs', 'locks'];
    for (const part of ['debs', 'apt', ...trees]) linkTree(path.join(CACHE, part), path.join(cache, part));
    forgetStages(cache, lacking);
    return await use(cache);
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

/** Removes the results of stages from a cache; their pieces stay. */
export function forgetStages(cache: string, stages: readonly string[]): void {
  const directory = path.join(cache, 'stages');
  mkdirSync(directory, { recursive: true });
  for (const name of readdirSync(directory).filter((file) => file.endsWith('.json'))) {
    const file = path.join(directory, name);
    if (stages.includes((JSON.parse(readFileSync(file, 'utf8')) as { stage: string }).stage)) rmSync(file);
  }
}

/** Other tests build with the cache while it is copied: what is half written is left out, what is gone was not needed. */
function linkTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (!entry.name.endsWith('.partial')) linkUnlessGone(source, target);
  }
}

function linkUnlessGone(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** File in a cache of a package that an image has. */
export function storedPackage(built: Built, cache: string, name: string): string {
  const { packages } = JSON.parse(readFileSync(`${imagePath(built)}.manifest.json`, 'utf8')) as {
    packages: { name: string; version: string }[];
  };
  const version = packages.find((candidate) => candidate.name === name)?.version ?? '';
  const debs = path.join(cache, 'debs');
  const records = readdirSync(debs, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.deb.json'));
  const record = records.find((file) => {
    const { control } = JSON.parse(readFileSync(path.join(debs, file), 'utf8')) as { control: string };
    return control.includes(`Package: ${name}\n`) && control.includes(`Version: ${version}\n`);
  });
  if (record === undefined) throw new Error(`no ${name} ${version} in ${debs}`);
  return path.join(debs, record.replace(/\.json$/, ''));
}
