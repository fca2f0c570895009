import { digestOf } from '../digest.js';
import type { Problem } from '../errors.js';
import { isMapping, problemAt, valueAt, type Path, type Source } from './document.js';
import { checkStorage } from './layout-check.js';
import { luksName, storageFrom } from './layout-read.js';
import { readyStorage } from './layout-ready.js';
import type { Storage } from './layout.js';
import type { ConfigFile, ResolveInput } from './resolve-input.js';
import { readSecretSource } from './resolve-sets.js';
import { DISK_SECRET, type OptionValue, type SecretSource } from './types.js';

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

/** Passphrases of the tree's encrypted layers, by the names that secrets have: `disk.` and the layer's name. */
export function storageSecrets(files: readonly ConfigFile[], problems: Problem[]): Record<string, SecretSource> {
  const file = files.findLast(({ source }) => valueAt(source, ['disk']) !== undefined);
  const tree = file === undefined ? undefined : valueAt(file.source, ['disk']);
  if (file === undefined || problems.length > 0) return {};
  const disks: readonly unknown[] = Array.isArray(tree) ? tree : [tree];
  const secrets: Record<string, SecretSource> = {};
  disks.forEach((disk, index) => {
    const path: Path = Array.isArray(tree) ? ['disk', index] : ['disk'];
    const partitions = isMapping(disk) && Array.isArray(disk['partitions']) ? (disk['partitions'] as unknown[]) : [];
    partitions.forEach((partition, number) => {
      if (!isMapping(partition)) return;
      let at: Path = [...path, 'partitions', number, 'content'];
      for (let layer = partition['content']; isMapping(layer); layer = layer['content']) {
        if (layer['type'] === 'luks') {
          const name = luksName(String(partition['name']), layer['name']);
          const given = { value: layer['passphrase'], source: file.source, path: [...at, 'passphrase'] };
          const secret = readSecretSource(given, file.directory, problems);
          if (secret !== undefined) secrets[`${DISK_SECRET}${name}`] = secret;
        }
        at = [...at, 'content'];
      }
    });
  });
  return secrets;
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
