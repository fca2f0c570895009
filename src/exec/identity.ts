import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf, sha256 } from '../digest.js';

/**
 * What makes an image besides its plan: the builder's recipe, and the code that interprets plans. Part of every stage's
 * key, so a new version of this program never takes the stages of an older one for its own.
 */
export function builderIdentity(recipeDigest: string): string {
  // From dist/exec and from dist/bundle alike.
  const directories = ['../exec', '../plan'].map((name) => fileURLToPath(new URL(name, import.meta.url)));
  const files = directories.flatMap((directory) =>
    readdirSync(directory)
      .filter((name) => name.endsWith('.js'))
      .sort()
      .map((name) => [name, sha256(readFileSync(join(directory, name)))]),
  );
  return digestOf([recipeDigest, files]);
}
