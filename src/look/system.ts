import type { Entry, TreeFacts } from '../verify/facts.js';
import { linesOf, textOf, variable } from '../verify/tree.js';

type Tree = Pick<TreeFacts, 'entries' | 'texts'>;

/** An installed package. */
export interface Package {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** The packages that dpkg's status file calls installed, by name. */
export function packagesOf(tree: Tree): Package[] {
  const status = textOf(tree, 'var/lib/dpkg/status') ?? '';
  const packages = status.split(/\n\n+/).flatMap((stanza) => {
    if (!/^Status: \S+ \S+ installed$/m.test(stanza)) return [];
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(stanza)?.[1] ?? '';
    return [{ name: field('Package'), version: field('Version'), architecture: field('Architecture') }];
  });
  return packages.sort((a, b) => compareText(a.name, b.name) || compareText(a.architecture, b.architecture));
}

/** Order that depends on no locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/**
 * Units that were enabled, masked ones with a dash before their names. What packages enable for good, below /usr, is no
 * choice of anybody's and left out. Systems without systemd: what their run levels start.
 */
export function unitsOf({ entries }: Tree): string[] {
  const units = new Set<string>();
  const systemd = entries.has('usr/lib/systemd/systemd') || entries.has('lib/systemd/systemd');
  for (const [path, { kind, target }] of entries) {
    if (kind !== 'symlink') continue;
    const wanted = /^etc\/systemd\/system\/[^/]+\.(?:wants|requires)\/([^/]+)$/.exec(path)?.[1];
    const own = /^etc\/systemd\/system\/([^/]+)$/.exec(path)?.[1];
    const started = systemd ? undefined : /^etc\/rc[S2-5]\.d\/S\d\d([^/]+)$/.exec(path)?.[1];
    if (wanted !== undefined) units.add(wanted);
    else if (own !== undefined && target === '/dev/null') units.add(`-${own}`);
    else if (started !== undefined) units.add(started);
  }
  return [...units].sort(compareText);
}

/** What a system says that it is. */
export interface SystemInspection {
  /** Of /etc/os-release, e.g. `Debian GNU/Linux 12 (bookworm)`. */
  readonly name: string;
  /** Of /etc/debian_version, e.g. `12.12`. */
  readonly version: string;
  readonly architecture: string;
  readonly hostname: string;
  readonly packages: number;
  readonly files: number;
  /** Of all files, each content once. */
  readonly contentBytes: number;
  readonly kernels: readonly string[];
  readonly bootFiles: readonly { readonly path: string; readonly bytes: number }[];
  readonly units: readonly string[];
}

/** What the files of a system tell of it. */
export function inspectSystem(tree: Tree): SystemInspection {
  const files = [...tree.entries].filter(([, { kind }]) => kind === 'file');
  const packages = packagesOf(tree);
  const kernels = files.flatMap(([path]) => /^boot\/vmlinu[xz]-(.+)$/.exec(path)?.[1] ?? []);
  const boot = files.filter(([path]) => /^boot\/([^/]+|efi\/.+|grub\/grub\.cfg)$/.test(path));
  return {
    name: variable(textOf(tree, 'etc/os-release'), 'PRETTY_NAME') ?? '',
    version: (textOf(tree, 'etc/debian_version') ?? '').trim(),
    architecture: packages.find(({ name }) => name === 'dpkg')?.architecture ?? '',
    hostname: linesOf(textOf(tree, 'etc/hostname'))[0] ?? '',
    packages: packages.length,
    files: tree.entries.size,
    contentBytes: contentBytes(files),
    kernels: kernels.sort(compareText),
    bootFiles: boot.map(([path, { bytes }]) => ({ path, bytes })).sort((a, b) => compareText(a.path, b.path)),
    units: unitsOf(tree),
  };
}

function contentBytes(files: readonly (readonly [string, Entry])[]): number {
  return files.reduce((sum, [, { bytes }]) => sum + bytes, 0);
}
