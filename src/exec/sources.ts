import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isFlat } from '../config/resolve-sources.js';
import type { AptPlan, BuildPlan } from '../plan/types.js';
import type { Context } from './context.js';
import { output } from './run.js';

/** One file below /etc/apt, as it stands in the image, and as our own apt outside of it reads it. */
export interface SourceFile {
  /** Relative to /etc/apt. */
  readonly path: string;
  readonly text: string;
  readonly key?: { readonly path: string; readonly data: string };
  readonly hostText: (directory: string) => string;
}

/**
 * The lines that mmdebstrap writes for a suite when it is given no mirror.
 *
 * mmdebstrap knows which suites have updates and security parts and where Debian's archive is; it is asked once, by a run
 * that ends in its first hook, before anything is downloaded. Kept in the cache until the builder changes.
 */
export async function defaultSources(context: Context, plan: BuildPlan): Promise<string> {
  const components = plan.apt.components.join(',');
  const directory = join(context.settings.cacheDir, 'apt');
  const file = join(
    directory,
    `default-${plan.suite}-${plan.architecture}-${components}-${context.settings.builderDigest.slice(0, 12)}.list`,
  );
  if (existsSync(file)) return readFileSync(file, 'utf8');
  const copy = join(context.work, 'default-sources');
  mkdirSync(copy, { recursive: true });
  await output(
    [
      'mmdebstrap',
      '--quiet',
      '--mode=root',
      '--variant=custom',
      '--format=null',
      `--components=${components}`,
      `--architectures=${plan.architecture}`,
      '--skip=check/qemu',
      `--setup-hook=cp -r "$1/etc/apt/." "${copy}"; exit 9`,
      plan.suite,
      '/dev/null',
    ],
    { doing: 'asking for the default archive', accept: [0, 1, 9, 25], signal: context.signal, onLine: context.log },
  );
  const text = readFileSync(join(copy, 'sources.list'), 'utf8');
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, text);
  return text;
}

/** All source files of an image. */
export function sourcesFor(apt: AptPlan, suite: string, defaults: string): SourceFile[] {
  const main = mainSource(apt, suite, defaults);
  return [
    { path: 'sources.list', text: main, hostText: () => main },
    ...apt.sources.map((record) => extraSource(record, suite)),
  ];
}

function mainSource(apt: AptPlan, suite: string, defaults: string): string {
  const { mirror, securityMirror, updates, components } = apt;
  const known = defaults.split('\n').filter((line) => line !== '');
  const isSecurity = (line: string): boolean => line.includes('-security');
  const isUpdates = (line: string): boolean => line.includes('-updates ');
  const own = known.filter((line) => !isSecurity(line) && (updates || !isUpdates(line)));
  const lines = own.map((line) => (mirror === '' ? line : line.replace(/\S+:\/\/\S+/, mirror)));
  if (securityMirror === '') lines.push(...known.filter(isSecurity));
  else if (securityMirror !== 'none') lines.push(`deb ${securityMirror} ${suite}-security ${components.join(' ')}`);
  return `${lines.join('\n')}\n`;
}

/** A deb822 file with its key beside it, so that the key vouches for this source alone. */
function extraSource(record: AptPlan['sources'][number], suite: string): SourceFile {
  const name = String(record['name']);
  const words = (field: string): readonly string[] => [record[field] ?? []].flat();
  const suites = words('suites').length === 0 ? [suite] : words('suites');
  // apt refuses components beside a path: "absolute Suite Component" (sources.list(5), exact path).
  const components = isFlat(suites) ? [] : words('components');
  const [key = ''] = words('key');
  const keyPath = `keyrings/${name}.asc`;
  const body = (signedBy: string): string =>
    [
      'Types: deb',
      `URIs: ${words('uris').join(' ')}`,
      `Suites: ${suites.join(' ')}`,
      ...(components.length === 0 ? [] : [`Components: ${components.join(' ')}`]),
      ...(key === '' ? [] : [`Signed-By: ${signedBy}`]),
      '',
    ].join('\n');
  return {
    path: `sources.list.d/${name}.sources`,
    text: body(`/etc/apt/${keyPath}`),
    hostText: (directory) => body(join(directory, 'etc', keyPath)),
    ...(key === '' ? {} : { key: { path: keyPath, data: `${key.trim()}\n` } }),
  };
}
