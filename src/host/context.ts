import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Program } from './program.js';
import { RECIPE_FILES } from './recipe.js';

/** Directories of the program that go into the image as they are. */
const CONTENT = ['dist', 'collections', 'profiles', 'schema'] as const;

/**
 * Lays out what the Containerfile copies, in a new temporary directory: only what the image holds, so that the engine is
 * not sent a checkout's history, outputs and development tools. The same from a checkout and from an installed package.
 */
export async function withBuildContext<T>(program: Program, use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(path.join(tmpdir(), 'imgbuild-context-'));
  try {
    for (const name of [...RECIPE_FILES, 'package.json']) await cp(path.join(program.dir, name), path.join(dir, name));
    for (const name of CONTENT) {
      const from = path.join(program.dir, name);
      await mkdir(path.join(dir, name));
      if (existsSync(from)) await cp(from, path.join(dir, name), { recursive: true, filter: wanted });
    }
    await copyModules(program, dir);
    return await use(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Users' own collections are theirs and may hold secrets; what the compiler keeps for itself is of no use. */
function wanted(file: string): boolean {
  return !/\/collections\/local(\/|$)|\.tsbuildinfo$|\.map$/.test(file);
}

async function copyModules(program: Program, context: string): Promise<void> {
  const own = path.join(program.dir, 'node_modules');
  await mkdir(path.join(context, 'node_modules'));
  for (const from of await productionModules(program)) {
    // Where npm has hoisted the dependencies, those that stayed behind are for the program alone: Node looks beside
    // the file that asks first, and all files of the program are in dist.
    const target =
      program.hoisted === undefined || !from.startsWith(`${own}/`)
        ? path.join('node_modules', path.relative(program.hoisted ?? own, from))
        : path.join('dist/node_modules', path.relative(own, from));
    // Modules inside a module are packages of their own in the list.
    const filter = (file: string): boolean => file !== path.join(from, 'node_modules') && !file.endsWith('.map');
    await cp(from, path.join(context, target), { recursive: true, filter });
  }
}

/** Directories of all packages that the program needs at run time, found as Node would find them. */
async function productionModules(program: Program): Promise<readonly string[]> {
  const top = program.hoisted === undefined ? program.dir : path.dirname(program.hoisted);
  const found = new Set<string>();
  const visit = async (dir: string): Promise<void> => {
    const manifest = JSON.parse(await readFile(path.join(dir, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
      optionalDependencies?: Record<string, string>;
    };
    for (const name of Object.keys({ ...manifest.optionalDependencies, ...manifest.dependencies })) {
      const module = locate(name, dir, top);
      if (module === undefined || found.has(module)) continue;
      found.add(module);
      await visit(module);
    }
  };
  await visit(program.dir);
  return [...found].sort();
}

function locate(name: string, from: string, top: string): string | undefined {
  const candidate = path.join(from, 'node_modules', name);
  if (existsSync(path.join(candidate, 'package.json'))) return candidate;
  return from === top || from === '/' ? undefined : locate(name, path.dirname(from), top);
}
