import { digestOf } from '../digest.js';
import type { Problem } from '../errors.js';
import { problemAt, valueAt, type Path, type Source } from './document.js';
import { checkStorage } from './layout-check.js';
import { storageFrom } from './layout-read.js';
import { readyStorage } from './layout-ready.js';
import type { Storage } from './layout.js';
import type { ConfigFile, ResolveInput } from './resolve-input.js';
import type { OptionValue } from './types.js';

type Options = Readonly<Record<string, OptionValue>>;

/**
 * The storage of a profile: the tree that it writes out under `disk`, or the ready-made one of the options `disk.*`; none
 * for a container. What cannot be is a problem, located in the tree when there is one.
 */
export function resolveStorage(
  files: readonly ConfigFile[],
  options: Options,
  problems: Problem[],
): Storage | undefined {
  const named = files.at(-1)?.source;
  const written = files.findLast(({ source }) => valueAt(source, ['disk']) !== undefined)?.source;
  // What the schema has found already would only be told again in other words.
  if (named === undefined || problems.length > 0) return undefined;
  if (written === undefined) {
    const storage = readyStorage(options);
    // The layout is ours, only its sizes are the user's.
    if (storage !== undefined) report(storage, named, () => ['options'], problems);
    return storage;
  }
  const firmware = options['disk.firmware'];
  if (firmware !== 'uefi' && firmware !== 'bios' && firmware !== 'both') {
    problems.push(
      problemAt(written, ['disk'], 'a disk needs something that starts it, and option disk.firmware is none', {
        hint: 'use a target with a disk, such as targets/vm/kvm, or set disk.firmware',
        part: 'key',
      }),
    );
    return undefined;
  }
  const tree = valueAt(written, ['disk']);
  const storage = storageFrom(tree, firmware);
  // A single disk stands there without a list around it.
  report(storage, written, (path) => ['disk', ...(Array.isArray(tree) ? path : path.slice(1))], problems);
  return storage;
}

function report(storage: Storage, source: Source, place: (path: Path) => Path, problems: Problem[]): void {
  for (const { path, message, hint } of checkStorage(storage)) {
    problems.push(problemAt(source, place(path), message, hint === undefined ? {} : { hint }));
  }
}

/** What identities come from: the same for equal layouts of a profile, so that equal builds are equal. */
export function seedOf(
  input: Pick<ResolveInput, 'name' | 'random'>,
  storage: Storage | undefined,
  options: Options,
): string {
  const given = options['disk.seed'];
  if (given === '') return digestOf({ profile: input.name, storage });
  return digestOf(given === 'random' ? { random: input.random } : { given });
}
