import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Where this program lies: a checkout or an installed npm package look the same from here. */
export interface Program {
  /** Directory with package.json, dist, collections, profiles, Containerfile. */
  readonly dir: string;
  readonly version: string;
  /**
   * The node_modules directory above the program that holds its dependencies, when npm has hoisted them out of the
   * package. Undefined in a checkout and in a global installation, where they lie in `dir`.
   */
  readonly hoisted: string | undefined;
}

/** What the launcher works with on this machine. */
export interface Host {
  readonly program: Program;
  /** Everything that may be thrown away: downloads, finished stages, the embedded builder. */
  readonly cacheDir: string;
  readonly env: NodeJS.ProcessEnv;
}

/** The host as the launcher sees it. */
export function hostOf(programDir: string, cacheDir: string, env: NodeJS.ProcessEnv = process.env): Host {
  const manifest = JSON.parse(readFileSync(path.join(programDir, 'package.json'), 'utf8')) as { version: string };
  const program = { dir: programDir, version: manifest.version, hoisted: hoistedModules(programDir) };
  return { program, cacheDir, env };
}

function hoistedModules(dir: string): string | undefined {
  const parent = path.dirname(dir);
  // zod stands for all dependencies: it is needed by whatever runs inside the builder.
  if (existsSync(path.join(dir, 'node_modules/zod')) || path.basename(parent) !== 'node_modules') return undefined;
  return existsSync(path.join(parent, 'zod')) ? parent : undefined;
}

/** Narrows what an environment variable may be to text that is there. */
export function nonEmpty(text: string | undefined): text is string {
  return text !== undefined && text !== '';
}
