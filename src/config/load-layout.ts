import { randomUUID } from 'node:crypto';
import { ConfigError, type Problem } from '../errors.js';
import { CORE_OPTIONS } from './core-options.js';
import type { OptionDeclaration } from './declarations.js';
import { isMapping, parseYaml, showPath, type Source } from './document.js';
import { inOrder, sharedInput, type Project } from './load.js';
import { defaultValue } from './options.js';
import { resolve } from './resolve.js';
import type { ConfigFile } from './resolve-input.js';
import type { BuildConfig } from './types.js';

/** A disk layout by itself, for a root filesystem that is there already. */
export interface LayoutRequest {
  /** What the images are called. */
  readonly name: string;
  readonly suite: string;
  readonly architecture: string;
  /** The layout as it was read; without one the ready-made layout is taken. */
  readonly layout?: {
    readonly text: string;
    /** As messages show it. */
    readonly file: string;
    /** Where files that it names are. */
    readonly directory: string;
  };
  readonly sets: readonly string[];
  readonly formats: readonly string[];
  /** The system has a first boot of ours, which was made for the disk that it had before. */
  readonly firstBoot?: boolean;
}

/** What a layout comes to. */
export interface Layout {
  readonly config: BuildConfig;
  /** Packages without which a machine with this storage does not start. */
  readonly packages: readonly string[];
}

/** Collections whose hooks make a system fit for its disk; what they require configures accounts and the like. */
const STORAGE_COLLECTIONS: readonly string[] = ['hardware/base', 'snapper'];
const FIRST_BOOT = 'firstboot/vm';

/** Needed by who sits at the machine, not by the machine. */
const COMFORT: readonly string[] = ['console-setup', 'fdisk'];

/**
 * What a layout file means, as if a profile with these collections had it as its `disk`. The file holds the tree itself, or
 * a profile's keys `disk` and `options`.
 *
 * @throws ConfigError with every problem, located in the file.
 */
export function loadLayout(project: Project, request: LayoutRequest): Layout {
  const problems: Problem[] = [];
  const file = request.layout === undefined ? undefined : layoutSource(request.layout, problems);
  const collections = [...STORAGE_COLLECTIONS, ...(request.firstBoot === true ? [FIRST_BOOT] : [])];
  const wide = resolved(project, request, { collections, options: usualOptions(file?.source) }, file, problems);
  if (problems.length > 0) throw new ConfigError(inOrder(problems));
  const bare = { collections: ['base'], options: {} };
  const others = resolved(project, { ...request, formats: [], sets: [] }, bare, undefined, []).packages;
  const known = new Set([...others.shared, ...others.extra, ...COMFORT]);
  const packages = [...wide.packages.shared, ...wide.packages.extra].filter((name) => !known.has(name)).sort();
  return { config: wide, packages };
}

function resolved(
  project: Project,
  request: LayoutRequest,
  says: { readonly collections: readonly string[]; readonly options: Readonly<Record<string, unknown>> },
  layout: ConfigFile | undefined,
  problems: Problem[],
): BuildConfig {
  const { name, suite, architecture, sets, formats } = request;
  const profile = { suite, architecture, ...says };
  const own = parseYaml(JSON.stringify(profile), 'the ready-made layout', problems);
  const { config } = resolve(
    {
      ...sharedInput(project),
      name,
      profile: [{ source: own, directory: project.cwd }, ...(layout === undefined ? [] : [layout])],
      // A site's defaults are for what it builds.
      site: undefined,
      sets,
      formats,
      random: randomUUID(),
    },
    problems,
  );
  return config;
}

/**
 * What holds where nobody says anything: the plainest ready-made disk, not that of hardware, as the tarball need not have
 * what that needs; and the kernel that is there.
 */
function usualOptions(layout: Source | undefined): Record<string, unknown> {
  const declared: Readonly<Record<string, OptionDeclaration>> = CORE_OPTIONS;
  const disk = Object.entries(declared).flatMap(([name, declaration]): [string, unknown][] =>
    name.startsWith('disk.') && declaration.type !== 'secret' ? [[name, defaultValue(declaration)]] : [],
  );
  return {
    ...Object.fromEntries(disk),
    'disk.firmware': layout === undefined ? 'uefi' : firmwareFor(layout.value),
    'kernel.flavour': 'none',
  };
}

/** The firmware for which a layout has a place to start from. */
function firmwareFor(value: unknown): 'uefi' | 'bios' | 'both' {
  const tree = isMapping(value) && 'disk' in value ? value['disk'] : value;
  const first: unknown = Array.isArray(tree) ? tree[0] : tree;
  const list = isMapping(first) && Array.isArray(first['partitions']) ? (first['partitions'] as unknown[]) : [];
  const types = list.map((partition) => (isMapping(partition) ? partition['type'] : undefined));
  const esp = types.includes('esp');
  const bios = types.includes('bios-boot');
  if (esp) return bios ? 'both' : 'uefi';
  return bios || (isMapping(first) && first['table'] === 'mbr') ? 'bios' : 'uefi';
}

/** A file with the tree alone is read as if it stood below `disk`; its places stay its own. */
function layoutSource(
  { text, file, directory }: NonNullable<LayoutRequest['layout']>,
  problems: Problem[],
): ConfigFile {
  const source = parseYaml(text, file, problems);
  const bare = Array.isArray(source.value) || (isMapping(source.value) && !('disk' in source.value));
  const inner = (path: readonly (string | number)[]): readonly (string | number)[] =>
    path[0] === 'disk' ? path.slice(1) : path;
  const wrapped: Source = {
    file,
    value: { disk: source.value },
    checked: false,
    place: (path, part) => source.place(inner(path), part),
    show: (path) => showPath(inner(path)),
  };
  return { source: bare ? wrapped : source, directory };
}
