import { digestOf } from '../digest.js';
import type { Problem } from '../errors.js';
import { isMapping, problemAt, valueAt, type Path, type Source } from './document.js';
import { checkStorage } from './layout-check.js';
import { luksName, storageFrom } from './layout-read.js';
import { checkReadyOptions, optionPlace, readyOption } from './layout-ready-check.js';
import { READY_LUKS, readyStorage } from './layout-ready.js';
import { storageUses } from './layout-uses.js';
import type { Storage } from './layout.js';
import type { ConfigFile, ResolveInput } from './resolve-input.js';
import { readSecretSource } from './resolve-sets.js';
import { DISK_SECRET, type OptionValue, type SecretSource } from './types.js';

type Options = Readonly<Record<string, OptionValue>>;
type Secrets = Readonly<Record<string, SecretSource>>;

/**
 * The storage of a profile: the tree that it writes out under `disk`, or the ready-made one of the options `disk.*`; none
 * for a container. What cannot be is a problem, located in the tree when there is one.
 */
export function resolveStorage(
  files: readonly ConfigFile[],
  options: Options,
  secrets: Secrets,
  problems: Problem[],
): Storage | undefined {
  const named = files.at(-1)?.source;
  const written = files.findLast(({ source }) => valueAt(source, ['disk']) !== undefined)?.source;
  // What the schema has found already would only be told again in other words.
  if (named === undefined || problems.length > 0) return undefined;
  if (written === undefined) {
    const storage = readyStorage(options);
    if (storage !== undefined) reportReady(storage, { files, named, options, secrets }, problems);
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

/** The option whose value opens the encrypted storage of the ready-made disk. */
const PASSPHRASE = 'disk.luks.passphrase';

/** The layout is ours, only what the options say is the user's: that is where a problem is shown. */
function reportReady(
  storage: Storage,
  given: { files: readonly ConfigFile[]; named: Source; options: Options; secrets: Secrets },
  problems: Problem[],
): void {
  const { files, named, options, secrets } = given;
  const tell = (option: string, message: string, hint: string | undefined): void => {
    const file = files.findLast(({ source }) => optionPlace(source, option) !== undefined);
    const place = file === undefined ? undefined : optionPlace(file.source, option);
    const more = hint === undefined ? {} : { hint };
    if (file === undefined || place === undefined) problems.push(problemAt(named, ['options'], message, more));
    else problems.push(problemAt(file.source, place, message, more));
  };
  const faults = checkReadyOptions(options, PASSPHRASE in secrets);
  for (const { option, message, hint } of faults) tell(option, message, hint);
  if (faults.length > 0) return;
  for (const { path, message, hint } of checkStorage(storage)) tell(readyOption(storage, path), message, hint);
}

/**
 * All secrets of a build: those of the options, and the passphrases of encrypted layers by the names that these have:
 * `disk.` and the layer's name.
 */
export function allSecrets(
  files: readonly ConfigFile[],
  storage: Storage | undefined,
  given: Secrets,
  problems: Problem[],
): Secrets {
  const { [PASSPHRASE]: passphrase, ...others } = given;
  const written = storageSecrets(files, problems);
  const ready = passphrase !== undefined && storageUses(storage).has('disk:luks') && Object.keys(written).length === 0;
  return { ...others, ...written, ...(ready ? { [`${DISK_SECRET}${READY_LUKS}`]: passphrase } : {}) };
}

/** Passphrases of the tree's encrypted layers. */
function storageSecrets(files: readonly ConfigFile[], problems: Problem[]): Record<string, SecretSource> {
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

/**
 * What identities come from: the same for all builds of a profile, so that equal builds are equal, and that another size of
 * one volume changes nothing in the tree, where fstab, crypttab and the initramfs name all of them.
 */
export function seedOf(input: Pick<ResolveInput, 'name' | 'random'>, options: Options): string {
  const given = options['disk.seed'];
  if (given === '') return digestOf({ profile: input.name });
  return digestOf(given === 'random' ? { random: input.random } : { given });
}
