import { createRequire } from 'node:module';

import type * as Yaml from 'yaml';
import type * as Zod from 'zod';

/*
 * Loading zod and yaml takes a good part of a second on a slow machine, several times as long as working out what a
 * profile means. Neither is needed when nothing changed since the last time (load-cache.ts), so both are loaded when
 * they are used first. `require`, because everything here is synchronous.
 */
const load = createRequire(import.meta.url);

/** The parser, loaded when it is first asked for. */
export function yamlLibrary(): typeof Yaml {
  return load('yaml') as typeof Yaml;
}

/** A value made with zod, when it is first asked for. */
export function lazily<T>(make: (z: typeof Zod) => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make(load('zod') as typeof Zod) };
    return made.value;
  };
}
