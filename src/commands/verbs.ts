import type { Command } from 'commander';

/** A verb as the top-level help lists it; its module is loaded only when the verb is used. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  readonly hidden?: boolean;
  readonly load: () => Promise<{ readonly register: (program: Command) => void }>;
}

const BUILD = 'Build:';
const CARE = 'Care:';

/** All verbs in the order of the help. */
export const VERBS: readonly Verb[] = [
  {
    name: 'build',
    summary: 'build images of profiles',
    group: BUILD,
    load: () => import('./build.js'),
  },
  {
    name: 'plan',
    summary: 'show what a build would do',
    group: BUILD,
    load: () => import('./plan.js'),
  },
  {
    name: 'execute',
    summary: 'what the launcher starts in the builder',
    group: BUILD,
    hidden: true,
    load: () => import('./execute.js'),
  },
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
