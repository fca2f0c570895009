import type { Command } from 'commander';

/** A verb as the top-level help lists it; its module is loaded only when the verb is used. */
export interface Verb {
  readonly name: string;
  readonly summary: string;
  readonly group: 'Make images:' | 'Look:' | 'Care:';
  readonly hidden?: boolean;
  readonly load: () => Promise<{ readonly register: (program: Command) => void }>;
}

/** All verbs in the order of the help. */
export const VERBS: readonly Verb[] = [
  {
    name: 'build',
    summary: 'build images of profiles',
    group: 'Make images:',
    load: () => import('./build.js'),
  },
  {
    name: 'plan',
    summary: 'show what a build would do, without doing it',
    group: 'Make images:',
    load: () => import('./plan.js'),
  },
  {
    name: 'assemble',
    summary: 'make disk images of a root filesystem that is there already',
    group: 'Make images:',
    load: () => import('./assemble.js'),
  },
  {
    name: 'import',
    summary: 'bring over profiles, collections and disk files of the predecessor',
    group: 'Make images:',
    load: () => import('./import.js'),
  },
  {
    name: 'convert',
    summary: 'make other formats of a disk image',
    group: 'Make images:',
    load: () => import('./convert.js'),
  },
  {
    name: 'write',
    summary: 'write a disk image to a disk, and read it back',
    group: 'Make images:',
    load: () => import('./write.js'),
  },
  {
    name: 'shell',
    summary: 'look around in a finished or failed root filesystem',
    group: 'Make images:',
    load: () => import('./shell.js'),
  },
  {
    name: 'verify',
    summary: 'check images against the rules of their platforms',
    group: 'Look:',
    load: () => import('./verify.js'),
  },
  {
    name: 'inspect',
    summary: 'tell what an image is and what is in it',
    group: 'Look:',
    load: () => import('./inspect.js'),
  },
  {
    name: 'diff',
    summary: 'tell what differs between two images',
    group: 'Look:',
    load: () => import('./diff.js'),
  },
  {
    name: 'size',
    summary: 'tell which packages and collections take the room in an image',
    group: 'Look:',
    load: () => import('./size.js'),
  },
  {
    name: 'boot',
    summary: 'boot an image in QEMU, with its console here',
    group: 'Look:',
    load: () => import('./boot.js'),
  },
  {
    name: 'list',
    summary: 'list profiles, collections and formats',
    group: 'Look:',
    load: () => import('./list.js'),
  },
  {
    name: 'options',
    summary: 'explain options: type, default, who declares them',
    group: 'Look:',
    load: () => import('./options.js'),
  },
  {
    name: 'validate',
    summary: 'check profiles and collections',
    group: 'Look:',
    load: () => import('./validate.js'),
  },
  {
    name: 'cache',
    summary: 'show and prune what builds have cached',
    group: 'Care:',
    load: () => import('./cache.js'),
  },
  {
    name: 'clean',
    summary: 'remove outputs, and what dead builds left behind',
    group: 'Care:',
    load: () => import('./clean.js'),
  },
  {
    name: 'doctor',
    summary: 'what this machine lacks, and how to get it',
    group: 'Care:',
    load: () => import('./doctor.js'),
  },
  {
    name: 'builder',
    summary: 'make, show and remove the builder',
    group: 'Care:',
    load: () => import('./builder.js'),
  },
  {
    name: 'completion',
    summary: 'print the completion script for a shell',
    group: 'Care:',
    load: () => import('./completion.js'),
  },
  {
    name: 'execute',
    summary: 'what the launcher starts in the builder',
    group: 'Make images:',
    hidden: true,
    load: () => import('./execute.js'),
  },
  {
    name: 'generate',
    summary: 'write the files that are made from declarations',
    group: 'Care:',
    hidden: true,
    load: () => import('./generate.js'),
  },
  {
    name: '__complete',
    summary: 'what completion scripts ask',
    group: 'Care:',
    hidden: true,
    load: () => import('./complete.js'),
  },
];
