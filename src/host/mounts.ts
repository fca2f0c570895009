import type { Program } from './program.js';

/** A directory or file of the host that the builder sees. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
}

/** Where the builder keeps what the launcher brings. */
export const INSIDE = {
  program: '/usr/lib/imgbuild',
  modules: '/usr/lib/node_modules',
  cache: '/cache',
  output: '/out',
  work: '/work',
  sources: '/src',
} as const;

/** The launcher's own program over the one in the builder, so that the two never differ. */
export function programMounts(program: Program): readonly Mount[] {
  const own = { source: program.dir, target: INSIDE.program, readonly: true };
  if (program.hoisted === undefined) return [own];
  // Node looks for modules in every node_modules directory on the way up from the program.
  return [own, { source: program.hoisted, target: INSIDE.modules, readonly: true }];
}

/** The command line of the program inside the builder. */
export function builderArgv(argv: readonly string[]): readonly string[] {
  return ['node', `${INSIDE.program}/dist/bundle/cli.js`, ...argv];
}
