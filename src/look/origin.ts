import { readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readJson } from '../exec/json.js';
import { listedFiles, MANIFEST_SUFFIX } from '../exec/publish-kept.js';
import type { Origin } from './inspection.js';

/** What made an image, from the manifest beside it that lists it; undefined when there is none. */
export function originOf(image: string): Origin | undefined {
  const real = realpathSync(image);
  const [directory, name, { size }] = [dirname(real), basename(real), statSync(real)];
  const manifest = readdirSync(directory)
    .filter((candidate) => candidate.endsWith(MANIFEST_SUFFIX))
    // A file of that name from elsewhere is usually of another size.
    .find((candidate) =>
      listedFiles(join(directory, candidate)).some((file) => file.name === name && file.bytes === size),
    );
  if (manifest === undefined) return undefined;
  const made = readJson(join(directory, manifest)) as Partial<Omit<Origin, 'manifest' | 'imgbuild'>> & {
    readonly tools?: Readonly<Record<string, string>>;
  };
  return {
    manifest,
    profile: made.profile ?? '',
    imgbuild: made.tools?.['imgbuild'] ?? '',
    sourceDateEpoch: made.sourceDateEpoch ?? 0,
    collections: made.collections ?? [],
  };
}
