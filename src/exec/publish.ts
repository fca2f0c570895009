import {
  existsSync,
  fstatSync,
  fsync,
  mkdirSync,
  openSync,
  closeSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sha256 } from '../digest.js';
import { reproducibilityOf } from '../disk/reproducible.js';
import { CommandError, EXIT, UserError } from '../errors.js';
import type { BuildPlan } from '../plan/types.js';
import { formatBytes } from '../units.js';
import { giveToOwnerOf, type Context } from './context.js';
import type { Artefact, NewFile, NewSystemFiles } from './formats/types.js';
import { withLock } from './lock.js';
import { imageName, linkName, proxmoxName, ROOTFS, stampOf, TARBALL, type Stamp } from './names.js';
import { mapLimit } from './parallel.js';
import { ASIDE, unpublished, type Unpublished } from './publish-files.js';
import { MANIFEST_SUFFIX, prune, relink, removeReplaced, writeSums, type ListedFile } from './publish-kept.js';
import { output, run } from './run.js';
import type { Inventory } from './stages.js';
import { isTmpfs } from './workplace.js';

/** One file that a user gets. */
export interface Published {
  /** Relative to the output directory. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** A directory, whose digest is not that of a file. */
  readonly directory?: true;
  /** By which number Incus will know the image. */
  readonly fingerprint?: string;
}

/** Facts for the manifest; nothing in it depends on when or where the build ran. */
export interface ManifestFacts {
  readonly plan: BuildPlan;
  readonly inventory: Inventory;
  readonly epoch: number;
  readonly digests: Readonly<Record<string, string>>;
  readonly archive: readonly { readonly uri: string; readonly sha256: string }[];
  readonly tools: Readonly<Record<string, string>>;
  /** Text for who puts the image to use, given the files' names: `<first file>.handover.md`. */
  readonly handover?: (files: readonly ListedFile[]) => string;
}

const HANDOVER_SUFFIX = '.handover.md';

/** Below this an output directory counts as full when a tool could not write into it. */
const FULL_BYTES = 1 << 20;

/**
 * Writes the files of a build, one manifest for all of them and SHA256SUMS, and moves the stable links.
 *
 * Everything is written and flushed without a name first; a name appears only with its whole content behind it, and the
 * manifest last. One build at a time does so in a directory, and the next removes what one that was killed has left.
 *
 * @throws UserError (exit 3) when the output directory cannot be written or is too full.
 */
export async function publish(
  context: Context,
  artefacts: readonly Artefact<NewSystemFiles>[],
  facts: ManifestFacts,
): Promise<Published[]> {
  const { outputDir } = context.settings;
  const directory = join(outputDir, context.profile);
  return await guarded(directory, async () => {
    // Not recursive: Node (20) then reports a read-only filesystem as ENOENT.
    if (!existsSync(directory)) mkdirSync(directory);
    giveToOwnerOf(outputDir, directory);
    return await withLock(directory, async () => {
      for (const name of readdirSync(directory)) {
        if (name.startsWith(ASIDE)) rmSync(join(directory, name), { recursive: true, force: true });
      }
      requireSpace(artefacts, directory);
      const files = unpublished(directory, outputDir);
      try {
        return await publishLocked(context, artefacts, facts, directory, files);
      } finally {
        files.close();
      }
    });
  });
}

async function publishLocked(
  context: Context,
  artefacts: readonly Artefact<NewSystemFiles>[],
  facts: ManifestFacts,
  directory: string,
  files: Unpublished,
): Promise<Published[]> {
  const { settings, profile } = context;
  const written = await write(context, artefacts, facts, directory, files);
  const [first] = written;
  if (first === undefined) throw new Error('no format has written a file');
  const texts: ListedFile[] = [];
  if (facts.handover !== undefined) {
    texts.push(await writeText(files.open(`${first.name}${HANDOVER_SUFFIX}`), facts.handover(written)));
  }
  const listed = [...written, ...texts];
  const manifest = await writeText(
    files.open(`${first.name}${MANIFEST_SUFFIX}`),
    manifestText(facts, listed, isTmpfs(context.work)),
  );
  context.signal.throwIfAborted();
  files.appear();
  relink(directory, settings.outputDir, listed);
  removeReplaced(directory, manifest.name, new Set(listed.map(({ name }) => name)));
  prune(directory, settings.keep, manifest.name);
  writeSums(directory, settings.outputDir);
  await flush(directory);
  rmSync(join(directory, `${profile}_failed.log`), { force: true });
  return [...listed, manifest].map(({ name, bytes, sha256: hash, directory: isDirectory, fingerprint }) => ({
    path: join(profile, name),
    bytes,
    sha256: hash,
    ...(isDirectory === undefined ? {} : { directory: isDirectory }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
  }));
}

/** Has every format write its files; hashes and flushes them. */
async function write(
  context: Context,
  artefacts: readonly Artefact<NewSystemFiles>[],
  facts: ManifestFacts,
  directory: string,
  files: Unpublished,
): Promise<ListedFile[]> {
  const { settings, profile } = context;
  const stamp = freeStamp(context, directory);
  const made: (Made | ListedFile)[] = [];
  const hashes = new Map<NewFile, string>();
  const fingerprints = new Map<NewFile, string>();
  const nameOf = (part: string, suffix: string): string => {
    const proxmox = settings.nameStyle === 'proxmox' && part === ROOTFS && suffix === TARBALL;
    const name = proxmox
      ? proxmoxName(facts.plan, facts.inventory.debianVersion, stamp, suffix)
      : imageName(profile, part, stamp, suffix);
    if (made.some((one) => ('file' in one ? one.file.name : one.name) === name)) {
      throw new Error(`two formats write ${name}`);
    }
    return name;
  };
  const newFiles: NewSystemFiles = {
    newFile: (part, suffix) => {
      const file = files.open(nameOf(part, suffix));
      made.push({ file, link: linkName(profile, part, suffix) });
      return file;
    },
    newDirectory: (part, suffix, { bytes, digest }) => {
      const name = nameOf(part, suffix);
      made.push({ name, link: linkName(profile, part, suffix), bytes, sha256: digest, directory: true });
      return files.directory(name);
    },
    hashed: (file, hash) => hashes.set(file, hash),
    fingerprinted: (file, fingerprint) => fingerprints.set(file, fingerprint),
  };
  for (const artefact of artefacts) await artefact.write(newFiles);
  return await mapLimit(made, cpus().length, async (one) => {
    if (!('file' in one)) {
      // All that was written into it lies on this filesystem.
      await run(['sync', '--file-system', directory], { doing: `writing ${one.name}`, signal: context.signal });
      return one;
    }
    const { file, link } = one;
    // Together: one keeps a processor busy, the other the disk.
    const [hash] = await Promise.all([hashes.get(file) ?? hashFile(context, file), promisify(fsync)(file.fd)]);
    const fingerprint = fingerprints.get(file);
    const listed = { name: file.name, link, bytes: fstatSync(file.fd).size, sha256: hash };
    return fingerprint === undefined ? listed : { ...listed, fingerprint };
  });
}

/** A file that a format has written, with the link that is to name it. */
interface Made {
  readonly file: NewFile;
  readonly link: string;
}

async function hashFile(context: Context, file: NewFile): Promise<string> {
  const options = { doing: `hashing ${file.name}`, signal: context.signal, onLine: context.log };
  return (await output(['openssl', 'dgst', '-sha256', '-r', file.path], options)).slice(0, 64);
}

async function writeText(file: NewFile, text: string): Promise<ListedFile> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(file.fd, bytes, at);
  await promisify(fsync)(file.fd);
  return { name: file.name, bytes: bytes.length, sha256: sha256(text) };
}

/**
 * A moment that no name in the directory has: of two builds in one second the later gets the next. Where the caller has
 * fixed the moment, a build replaces the one before.
 */
function freeStamp(context: Context, directory: string): Stamp {
  const stamp = stampOf(context.settings, new Date());
  if (context.settings.sourceDateEpoch !== undefined) return stamp;
  const names = readdirSync(directory);
  let { seconds } = stamp;
  while (names.some((name) => name.includes(`_${stamp.day}_${String(seconds)}.`))) seconds += 1;
  return { ...stamp, seconds };
}

function manifestText(facts: ManifestFacts, files: readonly ListedFile[], inMemory: boolean): string {
  const { plan } = facts;
  const manifest = {
    imgbuild: 1,
    profile: plan.profile,
    suite: plan.suite,
    architecture: plan.architecture,
    debianVersion: facts.inventory.debianVersion,
    sourceDateEpoch: facts.epoch,
    files,
    ...(plan.disks.length === 0
      ? {}
      : { disks: reproducibilityOf(plan.disks, plan.options['disk.seed'] === 'random', inMemory) }),
    collections: plan.collections,
    options: plan.options,
    secretsGiven: plan.secrets,
    digests: facts.digests,
    archive: facts.archive,
    tools: facts.tools,
    packages: facts.inventory.packages,
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

async function flush(directory: string): Promise<void> {
  const fd = openSync(directory, 'r');
  try {
    await promisify(fsync)(fd);
  } finally {
    closeSync(fd);
  }
}

function freeBytes(directory: string): number {
  const stat = statfsSync(directory);
  return stat.bavail * stat.bsize;
}

function requireSpace(artefacts: readonly Artefact<NewSystemFiles>[], directory: string): void {
  const need = artefacts.reduce((sum, { bytes }) => sum + bytes, FULL_BYTES);
  const free = freeBytes(directory);
  if (free >= need) return;
  throw new UserError(`the output directory has ${formatBytes(free)} free, the files need up to ${formatBytes(need)}`, {
    exitCode: EXIT.environment,
    hint: 'make room, or choose another place with --output DIR; the finished stages are in the cache',
  });
}

/** What the system refuses in the output directory, in the user's words. */
async function guarded<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = refusal(error, directory);
    if (reason === undefined) throw error;
    throw new UserError(`the output directory ${reason}: ${directory}`, {
      exitCode: EXIT.environment,
      hint: 'choose another place with --output DIR; the finished stages are in the cache',
      cause: error,
    });
  }
}

function refusal(error: unknown, directory: string): string | undefined {
  // A tool tells in its own words that it could not write.
  if (error instanceof CommandError) return freeBytes(directory) < FULL_BYTES ? 'is full' : undefined;
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EACCES':
    case 'EPERM':
      return 'may not be written to';
    case 'EROFS':
      return 'is on a read-only filesystem';
    case 'ENOTDIR':
    case 'EEXIST':
      return 'is not a directory';
    case 'ENOSPC':
    case 'EDQUOT':
      return 'is full';
    default:
      return undefined;
  }
}
