import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf, sha256 } from '../digest.js';
import { CommandError, EXIT, UserError } from '../errors.js';
import type { AptPlan, BuildPlan } from '../plan/types.js';
import { archiveError } from './archive-error.js';
import type { Context } from './context.js';
import { fetchRelease } from './fetch-release.js';
import { readJson } from './json.js';
import { output, run } from './run.js';
import { defaultSources, sourcesFor, type SourceFile } from './sources.js';
import { writeAtomically } from './stages.js';
import { indexesArrived, watchTransfer } from './transfer.js';

/** A package file as the archive names it. */
export interface RemoteDeb {
  readonly uri: string;
  /** Name as apt would store it, e.g. `login_1%3a4.13_amd64.deb`. */
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Release {
  readonly uri: string;
  readonly sha256: string;
  /** Seconds since the epoch, from the `Date` field. */
  readonly date: number;
  readonly codename: string;
  /** When the index stops being good, in seconds since the epoch; most suites do not say. */
  readonly validUntil?: number;
}

/** The state of the archive for one set of sources. */
export interface Archive {
  readonly directory: string;
  readonly config: string;
  readonly sources: readonly SourceFile[];
  readonly releases: readonly Release[];
  readonly digest: string;
}

/** What a list of packages comes to: every file that has to be installed, and nothing else. */
export interface Solution {
  readonly debs: readonly RemoteDeb[];
  readonly digest: string;
}

/**
 * Reads the archive's indexes into an apt directory of our own in the cache, so the next build asks only for changes.
 *
 * @throws UserError (exit 4) when the archive cannot be reached or its signature does not hold.
 */
export async function openArchive(context: Context, plan: BuildPlan): Promise<Archive> {
  const sources = sourcesFor(plan.apt, plan.suite, await defaultSources(context, plan));
  const id = digestOf({ sources, architecture: plan.architecture }).slice(0, 16);
  const directory = join(context.settings.cacheDir, 'apt', id);
  const parts = ['etc/apt.conf.d', 'etc/preferences.d', 'etc/sources.list.d', 'etc/keyrings'];
  for (const sub of [...parts, 'state/lists/partial', 'cache/archives/partial']) {
    mkdirSync(join(directory, sub), { recursive: true });
  }
  const config = join(directory, 'apt.conf');
  writeAptDirectory(context, directory, sources, plan);
  const releasesFile = join(directory, 'releases.json');
  const known = readJson(releasesFile) as Release[] | undefined;
  if (known !== undefined && hasLists(directory) && (await areCurrent(context, known))) {
    return { directory, config, sources, releases: known, digest: digestOf(known.map((r) => r.sha256)) };
  }
  if (context.settings.offline) {
    if (!hasLists(directory)) {
      throw new UserError(`nothing is known of the archive of ${plan.suite} yet, and --offline forbids asking it`, {
        exitCode: EXIT.archive,
        hint: 'build once without --offline',
      });
    }
  } else {
    await update(context, directory, config, plan.apt);
  }
  const releases = await readReleases(context, config, directory);
  await giveTreeToOwnerOf(context, join(context.settings.cacheDir, 'apt'));
  writeAtomically(context.settings.cacheDir, releasesFile, JSON.stringify(releases));
  return { directory, config, sources, releases, digest: digestOf(releases.map((r) => r.sha256)) };
}

function writeAptDirectory(context: Context, directory: string, sources: readonly SourceFile[], plan: BuildPlan): void {
  const write = (path: string, text: string): void => {
    writeAtomically(context.settings.cacheDir, join(directory, path), text);
  };
  for (const source of sources) write(`etc/${source.path}`, source.hostText(directory));
  for (const { key } of sources) if (key !== undefined) write(`etc/${key.path}`, key.data);
  write('status', '');
  const lines = [
    `Dir "${directory}/";`,
    'Dir::Etc "etc";',
    'Dir::Etc::TrustedParts "/etc/apt/trusted.gpg.d/";',
    'Dir::State "state";',
    `Dir::State::status "${directory}/status";`,
    'Dir::Cache "cache";',
    `APT::Architecture "${plan.architecture}";`,
    `APT::Architectures { "${plan.architecture}"; };`,
    // As mmdebstrap resolves, so both come to the same set.
    'APT::Install-Recommends "false";',
    'Acquire::Languages { "none"; };',
    'Acquire::Retries "2";',
    'Acquire::http::Timeout "20";',
    'Acquire::https::Timeout "20";',
    // The sandbox user cannot write into a cache that belongs to the caller.
    'APT::Sandbox::User "root";',
    'Acquire::AllowInsecureRepositories "false";',
  ];
  write('apt.conf', `${lines.join('\n')}\n`);
}

function hasLists(directory: string): boolean {
  return readdirSync(join(directory, 'state/lists')).some(
    (name) => name.endsWith('_InRelease') || name.endsWith('_Release'),
  );
}

async function update(context: Context, directory: string, config: string, apt: AptPlan): Promise<void> {
  const stopWatching = watchTransfer(context, 'reading the archive', indexesArrived(join(directory, 'state/lists')));
  try {
    await run(['apt-get', '--error-on=any', 'update'], {
      doing: 'reading the archive',
      env: aptEnvironment(context, config),
      signal: context.signal,
      onLine: context.log,
      exitCode: EXIT.archive,
    });
  } catch (error) {
    throw error instanceof CommandError ? archiveError(error, apt) : error;
  } finally {
    stopWatching();
  }
}

/**
 * Whether the archive's indexes are, byte for byte, those whose signatures apt has checked, and are not past their date:
 * then there is nothing that apt could find out in the second that it takes.
 */
async function areCurrent(context: Context, releases: readonly Release[]): Promise<boolean> {
  if (context.settings.offline) return false;
  const now = Date.now() / 1000;
  const same = await Promise.all(
    releases.map(async (release) => {
      if (release.validUntil !== undefined && release.validUntil < now) return false;
      const text = await fetchRelease(release.uri, context.settings.aptProxy);
      return text !== undefined && sha256(text) === release.sha256;
    }),
  );
  return same.length > 0 && same.every(Boolean);
}

/** apt's environment. The proxy may hold a password: it is in no file of the cache and in no argument. */
export function aptEnvironment(context: Context, config: string): Record<string, string> {
  const proxy = context.settings.aptProxy;
  return { APT_CONFIG: config, ...(proxy === '' ? {} : { http_proxy: proxy, https_proxy: proxy }) };
}

/** apt writes as root what the caller's next build, perhaps without root, has to write again. */
async function giveTreeToOwnerOf(context: Context, directory: string): Promise<void> {
  const { uid, gid } = statSync(context.settings.cacheDir);
  if (uid === process.getuid?.() && gid === process.getgid?.()) return;
  await run(['chown', '--recursive', '--no-dereference', `${String(uid)}:${String(gid)}`, directory], {
    doing: 'giving the cache to its owner',
    signal: context.signal,
    onLine: context.log,
  });
}

/** The signed index of each suite, under the address that apt got it from. */
async function readReleases(context: Context, config: string, directory: string): Promise<Release[]> {
  const uris = await output(['apt-get', '--print-uris', 'update'], {
    doing: 'listing the archive',
    env: { APT_CONFIG: config },
    signal: context.signal,
  });
  const releases = [...uris.matchAll(/^'([^']+InRelease)' (\S+)/gm)].map(([, uri = '', name = '']): Release => {
    const file = join(directory, 'state/lists', name);
    // An archive without InRelease has a Release file with its signature beside it.
    const stored = [file, file.replace(/InRelease$/, 'Release')].find((path) => existsSync(path));
    const text = stored === undefined ? '' : readFileSync(stored, 'utf8');
    const time = (field: string): number =>
      Date.parse(new RegExp(`^${field}: (.*)$`, 'm').exec(text)?.[1] ?? '') / 1000;
    const seconds = time('Date');
    const validUntil = time('Valid-Until');
    return {
      uri,
      sha256: sha256(text),
      date: Number.isFinite(seconds) ? seconds : 0,
      codename: /^Codename: (.*)$/m.exec(text)?.[1] ?? '',
      ...(Number.isFinite(validUntil) ? { validUntil } : {}),
    };
  });
  return releases.sort((a, b) => (a.uri < b.uri ? -1 : 1));
}

/** Arguments that make apt choose what mmdebstrap's variant of the same name starts from. */
export function variantArguments(plan: BuildPlan): string[] {
  const suite = `?or(?archive(^${plan.suite}$),?codename(^${plan.suite}$))`;
  const pattern = (extra: string) => `?narrow(${suite},?architecture(${plan.architecture}),${extra})`;
  const args = [pattern('?essential')];
  const variant = plan.apt.variant;
  if (variant !== 'essential') args.push('apt');
  if (['required', 'minbase', 'important', 'standard'].includes(variant)) args.push(pattern('?priority(required)'));
  if (['important', 'standard'].includes(variant)) args.push(pattern('?priority(important)'));
  if (variant === 'standard') args.push(pattern('?priority(standard)'));
  // Without it apt takes the first alternative, usrmerge, which converts the tree a second time; bullseye has no such package.
  if (plan.apt.mergedUsr && plan.suite !== 'bullseye') args.push('usr-is-merged');
  return args;
}

/**
 * Asks apt for the files that an empty system needs to get these packages.
 *
 * @throws UserError (exit 2) when a package does not exist or packages conflict.
 */
export async function solve(context: Context, archive: Archive, wanted: readonly string[]): Promise<Solution> {
  const cached = join(archive.directory, `solution-${digestOf({ wanted, archive: archive.digest }).slice(0, 24)}.json`);
  const known = readJson(cached) as Solution | undefined;
  if (known !== undefined) return known;
  let text: string;
  try {
    text = await output(['apt-get', '-qq', '-y', '--print-uris', '-o', 'Debug::NoLocking=true', 'install', ...wanted], {
      doing: 'choosing packages',
      env: { APT_CONFIG: archive.config },
      signal: context.signal,
      onLine: context.log,
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    throw new UserError(`these packages cannot be installed together:\n  ${explain(error.tail)}`, {
      hint: 'check `packages` of the profile and of its collections for names that this suite does not have',
      cause: error,
    });
  }
  const files = [...text.matchAll(/^'([^']+)' (\S+) (\d+)/gm)].map(([, uri = '', name = '']) => ({ uri, name }));
  const debs = await describe(context, archive, files);
  const solution = { debs, digest: digestOf(debs.map((d) => [d.name, d.sha256])) };
  writeAtomically(context.settings.cacheDir, cached, JSON.stringify(solution));
  return solution;
}

/** The size and signed hash of each file, which apt-get (3.0) leaves out of its list of addresses. */
async function describe(
  context: Context,
  archive: Archive,
  files: readonly { readonly uri: string; readonly name: string }[],
): Promise<RemoteDeb[]> {
  const exact = files.map(({ name }) => {
    const [pkg = '', version = ''] = name.split('_');
    return `${pkg}=${decodeURIComponent(version)}`;
  });
  const text = await output(['apt-cache', 'show', ...exact], {
    doing: 'reading package hashes',
    env: { APT_CONFIG: archive.config },
    signal: context.signal,
    onLine: context.log,
  });
  const stanzas = text.split('\n\n').map((stanza) => ({
    file: /^Filename: (.*)$/m.exec(stanza)?.[1] ?? '',
    bytes: Number(/^Size: (\d+)$/m.exec(stanza)?.[1] ?? 0),
    sha256: /^SHA256: ([0-9a-f]{64})$/m.exec(stanza)?.[1] ?? '',
  }));
  const byFile = new Map(stanzas.map((stanza) => [stanza.file.split('/').at(-1) ?? '', stanza]));
  return files
    .map(({ uri, name }) => {
      const stanza = byFile.get(decodeURIComponent(uri.split('/').at(-1) ?? ''));
      if (stanza === undefined || stanza.sha256 === '') throw new Error(`the archive has no SHA256 for ${name}`);
      return { uri, name, bytes: stanza.bytes, sha256: stanza.sha256 };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function explain(tail: string): string {
  const lines = tail.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('Some packages could not'));
  return lines.slice(-12).join('\n  ');
}
