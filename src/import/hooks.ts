import { nearest } from '../config/suggest.js';
import type { Phase } from '../config/types.js';
import { noteAt, type Note } from './note.js';
import type { Variable } from './variable.js';
import { ALIASES, PROFILE_VARIABLES, VARIABLES } from './variables.js';

/** Shell text of the predecessor that runs as it is. */
export interface OldScript {
  /** As messages show it. */
  readonly file: string;
  readonly text: string;
}

/** What a hook can count on. */
export interface HookSurroundings {
  /** Text of import-shim.sh, which offers the functions. */
  readonly shim: string;
  /** env.sh and functions.sh of the collection and of those that it depends on. */
  readonly libraries: readonly OldScript[];
  /** Variables of the user's own collections. */
  readonly own: ReadonlyMap<string, Variable>;
}

/** Variables that a function of the shim reads. */
const READ_BY: Readonly<Record<string, readonly string[]>> = {
  get_user_extra_groups: [
    'OFEAT_SSHD_CONFIG',
    'OCONF_SSHD_GROUP_LOGIN',
    'OCONF_SSHD_GROUP_SHELL',
    'OCONF_SSHD_GROUP_FORWARDING',
  ],
};

/** What is there still, and does something else than before. */
const DIFFERENT: readonly { readonly pattern: RegExp; readonly kind: Note['kind']; readonly message: string }[] = [
  {
    pattern: /\bDBUILD_STAGING_IMG\b/,
    kind: 'lost',
    message: 'files in $DBUILD_STAGING_IMG are not published: `outputs` of the profile names what is made',
  },
  {
    pattern: /\bDBUILD_BUILD_SCRIPTS\b/,
    kind: 'lost',
    message: 'there are no scripts in $DBUILD_BUILD_SCRIPTS any more',
  },
  {
    pattern: /\bdbuild_update_initramfs_env\b/,
    kind: 'lost',
    message: 'the initramfs is made without variables of hooks: write a file below /etc/initramfs-tools/conf.d',
  },
  {
    pattern: /(?:^|[;&|(]|\bautodie)\s*(?:curl|wget|git|rsync)\s/,
    kind: 'lost',
    message: 'hooks run in the builder, without a network: keep what this fetches in files/',
  },
];

/** Names that look like functions of the predecessor. */
const HELPER = /\b(?:dbuild|target|feat|nft|verify_file)_[a-z_]+[a-z]\b/g;

/**
 * A hook for imgbuild that runs one of the predecessor as it is, with the variables that it reads.
 *
 * @param stored where the hook lies, relative to the collection's files/dbuild.
 */
export function wrapHook(
  hook: OldScript,
  phase: Phase,
  stored: string,
  around: HookSurroundings,
): { readonly text: string; readonly notes: readonly Note[] } {
  const scripts = [hook, ...around.libraries];
  const notes = complaints(hook, around);
  const lines: string[] = [];
  for (const name of variablesRead(scripts, around.own)) {
    const shell = (around.own.get(name) ?? VARIABLES[name] ?? PROFILE_VARIABLES[name])?.shell;
    const secret = shell?.includes(' secret ') === true && phase !== 'customize';
    if (shell === undefined || secret) {
      const why = secret ? 'hooks before customize are given no secrets' : 'hooks are not given its value any more';
      const line = lineOf(hook.text, new RegExp(`\\b${name}\\b`));
      notes.push(noteAt(hook.file, line, 'lost', `$${name} is empty: ${why}`));
      lines.push(`${name}=`);
    } else {
      lines.push(`${name}=${/[\s"(]/.test(shell) ? shell : `"${shell}"`}`);
    }
  }
  for (const [old, name] of Object.entries(ALIASES)) {
    if (scripts.some(({ text }) => mentions(text, old))) lines.push(`${old}=$${name}`);
  }
  const text = [
    '# shellcheck shell=sh disable=SC2034',
    `# Made by imgbuild import: runs a hook of the predecessor as it is, ${stored}.`,
    '. "$FILES/dbuild/shim.sh"',
    ...lines,
    `dbuild_run ${stored}`,
    '',
  ];
  return { text: text.join('\n'), notes };
}

/** A hook that does what the predecessor's own collections did with what hooks left for them. */
export function finishingHook(what: 'accounts' | 'environment' | 'clean'): string {
  return `# shellcheck shell=sh\n# Made by imgbuild import.\n. "$FILES/dbuild/shim.sh"\ndbuild_${what}\n`;
}

function variablesRead(scripts: readonly OldScript[], own: ReadonlyMap<string, Variable>): string[] {
  const names = new Set(['OFEAT_MERGED_USR']);
  for (const { text } of scripts) {
    const code = withoutComments(text);
    for (const word of code.match(/\b[A-Za-z][A-Za-z0-9_]*\b/g) ?? []) {
      const name = ALIASES[word] ?? word;
      if (own.has(name) || Object.hasOwn(VARIABLES, name) || Object.hasOwn(PROFILE_VARIABLES, name)) names.add(name);
      for (const read of READ_BY[word] ?? []) names.add(read);
    }
  }
  return [...names].sort();
}

function complaints(hook: OldScript, { shim, libraries, own }: HookSurroundings): Note[] {
  const notes: Note[] = [];
  const defined = new Set(
    [shim, hook.text, ...libraries.map(({ text }) => text)].flatMap((text) =>
      [...text.matchAll(/^\s*(?:function\s+)?([A-Za-z_]\w*)\s*\(\)/gm)].map(([, name = '']) => name),
    ),
  );
  const assigned = new Set(
    [...shim.matchAll(/\b([A-Z]\w*)=/g), ...hook.text.matchAll(/\b([A-Z]\w*)=/g)].map(([, name = '']) => name),
  );
  for (const [index, raw] of hook.text.split('\n').entries()) {
    const line = withoutComments(raw);
    const lost = (message: string, hint?: string): void => {
      notes.push(noteAt(hook.file, index + 1, 'lost', message, hint));
    };
    for (const [name] of line.matchAll(HELPER)) {
      if (defined.has(name)) continue;
      const near = nearest(name, [...defined]);
      lost(`there is no function ${name}`, near === undefined ? undefined : `did you mean ${near}?`);
    }
    for (const [name] of line.matchAll(/\b(?:OFEAT|OCONF|DBUILD)_\w+/g)) {
      const known =
        own.has(name) || [VARIABLES, PROFILE_VARIABLES, ALIASES].some((table) => Object.hasOwn(table, name));
      if (!known && !assigned.has(name)) lost(`no such variable is known: ${name}`);
    }
    for (const { pattern, kind, message } of DIFFERENT) {
      if (pattern.test(line)) notes.push(noteAt(hook.file, index + 1, kind, message));
    }
  }
  return notes;
}

/** Comments are at the beginning of a line; elsewhere a # may be part of an expansion. */
function withoutComments(text: string): string {
  return text.replace(/^\s*#.*$/gm, '');
}

function mentions(text: string, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(withoutComments(text));
}

function lineOf(text: string, pattern: RegExp): number {
  const found = withoutComments(text)
    .split('\n')
    .findIndex((line) => pattern.test(line));
  return found + 1;
}
