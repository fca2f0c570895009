import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { debianArchitecture } from '../config/architectures.js';
import { digestOf } from '../digest.js';

/** What the builder is made from; equal digests mean equal builders up to the state of the Debian archive. */
export interface Recipe {
  readonly digest: string;
  /** Packages for the architecture of this machine, in the order of the list. */
  readonly packages: readonly string[];
  /** Suite of the builder. */
  readonly suite: string;
  /** Base image that the Containerfile starts from by itself. */
  readonly base: string;
  /** Local name of the image: changes with the recipe, so that two checkouts do not replace each other's. */
  readonly image: string;
}

/** Files of the program that make up the recipe. */
export const RECIPE_FILES = ['Containerfile', 'builder-packages.list', 'entrypoint'] as const;

/** Label by which an image says which recipe it was made from. */
export const RECIPE_LABEL = 'imgbuild.recipe';

/** Reads the recipe that belongs to this program. */
export async function readRecipe(programDir: string, architecture: string = debianArchitecture()): Promise<Recipe> {
  const [containerfile, list, entrypoint] = await Promise.all(
    RECIPE_FILES.map((name) => readFile(path.join(programDir, name), 'utf8')),
  );
  if (containerfile === undefined || list === undefined || entrypoint === undefined) throw new Error('recipe: no file');
  const base = /^ARG BASE=(\S+)$/m.exec(containerfile)?.[1];
  const suite = base === undefined ? undefined : /^debian:([a-z]+)/.exec(base)?.[1];
  if (base === undefined || suite === undefined) throw new Error('Containerfile: no `ARG BASE=debian:SUITE…`');
  const digest = digestOf({ containerfile, list, entrypoint });
  return {
    digest,
    packages: parsePackageList(list, architecture),
    suite,
    base,
    image: `imgbuild-builder:${digest.slice(0, 12)}`,
  };
}

/** Reads lines of `name` or `name [architecture …]`, the latter only for these architectures; # starts a comment. */
export function parsePackageList(text: string, architecture: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*([^\s#[]+)\s*(?:\[([^\]]*)\])?/.exec(line);
    if (match?.[1] === undefined) return [];
    const only = match[2]?.split(/\s+/).filter((name) => name !== '') ?? [];
    return only.length === 0 || only.includes(architecture) ? [match[1]] : [];
  });
}
