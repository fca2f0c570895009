import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { digestOf, sha256 } from '../digest.js';
import { readJson } from './json.js';
import { linkTarget, listedFiles, MANIFEST_SUFFIX } from './publish-kept.js';
import { writeAtomically } from './stages.js';
import type { BuildResult, BuildSettings } from './types.js';

/** What the newest output of a profile was made from: <cache>/outputs/<id>.json. */
export interface OutputRecord {
  readonly profile: string;
  /** Key of the output stage. */
  readonly key: string;
  /** Digest of the plan's last stage: everything but the archive and the builder. */
  readonly planDigest: string;
  readonly builderDigest: string;
  readonly secretsTag: string;
  readonly nameStyle: string;
  readonly sourceDateEpoch: number | null;
  readonly releases: readonly { readonly uri: string; readonly sha256: string }[];
  readonly files: BuildResult['files'];
  /** Of the tree's files; known when the profile limited them. */
  readonly treeBytes?: number;
}

/** By the profile and the device and inode of the output directory, which are the same inside and outside of the builder. */
function recordPath(settings: Pick<BuildSettings, 'cacheDir' | 'outputDir'>, profile: string): string | undefined {
  const stat = statSync(settings.outputDir, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  const id = digestOf([profile, stat.dev, stat.ino]).slice(0, 32);
  return join(settings.cacheDir, 'outputs', `${id}.json`);
}

function readRecord(
  settings: Pick<BuildSettings, 'cacheDir' | 'outputDir'>,
  profile: string,
): OutputRecord | undefined {
  const path = recordPath(settings, profile);
  return path === undefined ? undefined : (readJson(path) as OutputRecord | undefined);
}

export function rememberOutput(settings: BuildSettings, record: OutputRecord): void {
  const path = recordPath(settings, record.profile);
  if (path !== undefined) writeAtomically(settings.cacheDir, path, JSON.stringify(record));
}

/** The last output, when it has the same key and they are all still there with their sizes. */
export function findUnchanged(
  settings: BuildSettings,
  wanted: OutputRecord,
): Pick<OutputRecord, 'files' | 'treeBytes'> | undefined {
  const record = readRecord(settings, wanted.profile);
  return record?.key === wanted.key && present(settings, record) !== undefined ? record : undefined;
}

/** Whether an output is known to keep to a limit, in bytes. */
export function fits({ treeBytes }: Pick<OutputRecord, 'treeBytes'>, limit: number | undefined): boolean {
  return limit === undefined || (treeBytes !== undefined && treeBytes <= limit);
}

function present(settings: Pick<BuildSettings, 'outputDir'>, record: OutputRecord): BuildResult['files'] | undefined {
  const whole = record.files.every(({ path, bytes, directory }) => {
    const stat = statSync(join(settings.outputDir, path), { throwIfNoEntry: false });
    return directory === true ? stat?.isDirectory() === true : stat?.size === bytes;
  });
  const manifest = record.files.find(({ path }) => path.endsWith(MANIFEST_SUFFIX))?.path;
  if (!whole || manifest === undefined) return undefined;
  const directory = dirname(join(settings.outputDir, manifest));
  const linked = listedFiles(join(settings.outputDir, manifest)).every(
    ({ name, link }) => link === undefined || linkTarget(join(directory, link)) === name,
  );
  return linked && existsSync(join(directory, 'SHA256SUMS')) ? record.files : undefined;
}

/**
 * The launcher's quick answer to "has anything changed?", without an engine: the plan is the same, and the archive's signed
 * indexes are the same as when the output was made. `undefined` means that the builder has to look.
 *
 * @param fetchRelease gives the present text of an index, or `undefined` when it cannot be had.
 */
export async function isUnchanged(
  settings: BuildSettings,
  { planDigest, maxBytes }: { readonly planDigest: string; readonly maxBytes: number | undefined },
  tag: string,
  fetchRelease: (uri: string) => Promise<Buffer | undefined>,
  profile: string,
): Promise<BuildResult['files'] | undefined> {
  const record = readRecord(settings, profile);
  if (
    record === undefined ||
    settings.force ||
    record.planDigest !== planDigest ||
    !fits(record, maxBytes) ||
    record.builderDigest !== settings.builderDigest ||
    record.secretsTag !== tag ||
    record.nameStyle !== settings.nameStyle ||
    record.sourceDateEpoch !== (settings.sourceDateEpoch ?? null)
  ) {
    return undefined;
  }
  const files = present(settings, record);
  if (files === undefined) return undefined;
  if (settings.offline) return files;
  const same = await Promise.all(
    record.releases.map(async ({ uri, sha256: hash }) => {
      const text = await fetchRelease(uri);
      return text !== undefined && sha256(text) === hash;
    }),
  );
  return same.every(Boolean) ? files : undefined;
}
