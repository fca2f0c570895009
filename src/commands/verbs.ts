import type { Command } from 'commander';

/** A verb as the top-level help lists it; its module is loaded only when the verb is used. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  readonly hidden?: boolean;
  readonly load: () => Promise<{ readonly register: (program: Command) => void }>;
}

const CARE = 'Care:';

/** All verbs in the order of the help. */
export const VERBS: readonly Verb[] = [
  {
    name: 'cache',
    summary: 'show and prune what builds have cached',
    group: CARE,
    load: () => import('./cache.js'),
  },
  {
    name: 'completion',
    summary: 'print the completion script for a shell',
    group: CARE,
    load: () => import('./completion.js'),
  },
  {
    name: '__complete',
    summary: 'what completion scripts ask',
    group: CARE,
    hidden: true,
    load: () => import('./complete.js'),
  },
];
