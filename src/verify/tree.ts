import type { Entry, TreeFacts } from './facts.js';

type Tree = Pick<TreeFacts, 'entries' | 'texts'>;

/** More links than any path of a sane system goes through; the kernel gives up at this many, too. */
const MAX_LINKS = 40;

/** The path that a path leads to when all links are followed; undefined when it leads nowhere. */
function resolve(tree: Tree, path: string): string | undefined {
  let parts = path.split('/').filter((part) => part !== '');
  let at: string[] = [];
  let links = 0;
  while (parts.length > 0) {
    const [part = '', ...rest] = parts;
    parts = rest;
    if (part === '.') continue;
    if (part === '..') {
      at = at.slice(0, -1);
      continue;
    }
    const here = [...at, part];
    const entry = tree.entries.get(here.join('/'));
    if (entry?.kind !== 'symlink') {
      at = here;
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    const target = entry.target ?? '';
    if (target.startsWith('/')) at = [];
    parts = [...target.split('/').filter((step) => step !== ''), ...rest];
  }
  return at.join('/');
}

/** The file that a path names, through all links. */
export function lookup(tree: TreeFacts, path: string): Entry | undefined {
  const real = resolve(tree, path);
  return real === undefined ? undefined : tree.entries.get(real);
}

/** The text of a file, through all links; undefined when it is not there or nobody has read it. */
export function textOf(tree: Tree, path: string): string | undefined {
  const real = resolve(tree, path);
  if (real === undefined) return undefined;
  const entry = tree.entries.get(real);
  // A hard link has its content where its name was stored first.
  return tree.texts.get(entry?.kind === 'hardlink' ? (entry.target ?? '') : real);
}

/** Lines of a file without comments and empty ones. */
export function linesOf(text: string | undefined): string[] {
  return (text ?? '')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** The value of a variable in a file like /etc/os-release. */
export function variable(text: string | undefined, name: string): string | undefined {
  const line = linesOf(text).find((candidate) => candidate.startsWith(`${name}=`));
  return line?.slice(name.length + 1).replace(/^(["'])(.*)\1$/, '$2');
}

/** The number of the Debian release, e.g. 12; undefined for testing and unstable. */
export function debianRelease(tree: TreeFacts): number | undefined {
  const number = /^(\d+)/.exec(textOf(tree, 'etc/debian_version') ?? '')?.[1];
  return number === undefined ? undefined : Number(number);
}

/** Whether a Debian package is installed. */
export function isInstalled(tree: TreeFacts, name: string): boolean {
  const status = textOf(tree, 'var/lib/dpkg/status') ?? '';
  return status.split('\n\n').some((stanza) => {
    return new RegExp(`^Package: ${name}$`, 'm').test(stanza) && /^Status: .* installed$/m.test(stanza);
  });
}
