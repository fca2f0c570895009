import { readFileSync } from 'node:fs';

/** Reads a JSON file of the cache; `undefined` when it is not there or damaged, for the cache may always be made again. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (error instanceof SyntaxError || code === 'ENOENT') return undefined;
    throw error;
  }
}
