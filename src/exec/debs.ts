import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  createReadStream,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { CommandError, EXIT, UserError } from '../errors.js';
import { aptEnvironment, type Archive, type RemoteDeb } from './archive.js';
import { giveToOwnerOf, partialName, type Context } from './context.js';
import { readJson } from './json.js';
import { mapLimit } from './parallel.js';
import { output, run, TOOL_ENV } from './run.js';
import { writeAtomically } from './stages.js';
import { filesArrived, watchTransfer } from './transfer.js';

/** A package in the cache, with its members decompressed. */
export interface StoredDeb {
  readonly sha256: string;
  /** Path below the store. */
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 of the stored file, which is not that of the archive's. */
  readonly storedSha256: string;
  /** The package's control stanza. */
  readonly control: string;
  /** When the package was made: newest time of its control files, in seconds since the epoch. */
  readonly date: number;
}

/**
 * Makes sure that every package is in the cache's store, downloading what is missing.
 *
 * A package is verified against the archive's signed hash when it arrives and stored with its members decompressed:
 * dpkg then spends no time in xz, which for a container's 180 packages is 10 s of processor time at every build.
 * Members keep their bytes otherwise, and dpkg records nothing of how they were compressed, so the image is the same.
 */
export async function fetchDebs(
  context: Context,
  archive: Archive,
  wanted: readonly RemoteDeb[],
): Promise<StoredDeb[]> {
  const store = join(context.settings.cacheDir, 'debs');
  mkdirSync(store, { recursive: true });
  const known = await verified(context, store, wanted);
  const missing = wanted.filter((_, i) => known[i] === undefined);
  if (missing.length === 0) return known.filter((deb) => deb !== undefined);
  if (context.settings.offline) {
    throw new UserError(`${String(missing.length)} packages are not in the cache, first ${missing[0]?.name ?? ''}`, {
      exitCode: EXIT.archive,
      hint: 'build once without --offline',
    });
  }
  const incoming = join(context.work, 'incoming');
  mkdirSync(incoming, { recursive: true });
  await download(context, archive, missing, incoming);
  const added = await mapLimit(missing, cpus().length, async (deb) => {
    const file = join(incoming, deb.sha256);
    const stored = await storeDeb(context, store, deb, file);
    rmSync(file);
    return stored;
  });
  const byHash = new Map([...known.filter((d) => d !== undefined), ...added].map((deb) => [deb.sha256, deb]));
  return wanted.map((deb) => byHash.get(deb.sha256)).filter((deb) => deb !== undefined);
}

function debPath(hash: string): string {
  return join(hash.slice(0, 2), `${hash}.deb`);
}

/** The stored packages that are there and whole; a damaged one is removed and said to be. */
async function verified(
  context: Context,
  store: string,
  wanted: readonly RemoteDeb[],
): Promise<(StoredDeb | undefined)[]> {
  const there = wanted.map((deb) => {
    const file = join(store, debPath(deb.sha256));
    const stored = readJson(`${file}.json`) as StoredDeb | undefined;
    return stored !== undefined && existsSync(file) ? { deb, file, stored } : undefined;
  });
  const hashes = await hashFiles(
    context,
    there.flatMap((entry) => entry?.file ?? []),
  );
  return there.map((entry) => {
    if (entry === undefined) return undefined;
    const { deb, file, stored } = entry;
    if (hashes.get(file) === stored.storedSha256) {
      // The time of last use, by which `cache prune` chooses.
      const now = new Date();
      utimesSync(file, now, now);
      return stored;
    }
    const text = `${deb.name} in the package cache is damaged; fetching it again`;
    context.emit({ type: 'log', level: 'warn', text });
    rmSync(`${file}.json`, { force: true });
    rmSync(file, { force: true });
    return undefined;
  });
}

/** SHA-256 of many files, on all processors: Node has one thread for it. */
async function hashFiles(context: Context, files: readonly string[]): Promise<Map<string, string>> {
  const share = Math.max(1, Math.ceil(files.length / cpus().length));
  const shares = cpus().map((_, n) => files.slice(n * share, (n + 1) * share));
  const lines = await Promise.all(
    shares
      .filter((part) => part.length > 0)
      .map((part) =>
        output(['openssl', 'dgst', '-sha256', '-r', ...part], {
          doing: 'checking cached packages',
          signal: context.signal,
          onLine: context.log,
        }),
      ),
  );
  const pairs = [...lines.join('').matchAll(/^([0-9a-f]{64}) \*(.*)$/gm)];
  return new Map(pairs.map(([, hash = '', file = '']) => [file, hash]));
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** apt's own downloader: it knows proxies, credentials and redirections, and checks the hash. */
async function download(
  context: Context,
  archive: Archive,
  debs: readonly RemoteDeb[],
  directory: string,
): Promise<void> {
  const bytes = debs.reduce((sum, deb) => sum + deb.bytes, 0);
  const title = `${String(debs.length)} packages, ${String(Math.ceil(bytes / 1e6))} MB`;
  const arrived = filesArrived(debs.map((deb) => ({ path: join(directory, deb.sha256), bytes: deb.bytes })));
  const stopWatching = watchTransfer(context, 'downloading packages', arrived);
  const args = debs.flatMap((deb) => [deb.uri, join(directory, deb.sha256), `SHA256:${deb.sha256}`]);
  try {
    await run(['/usr/lib/apt/apt-helper', 'download-file', ...args], {
      doing: `downloading ${title}`,
      env: aptEnvironment(context, archive.config),
      signal: context.signal,
      onLine: context.log,
      exitCode: EXIT.archive,
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    const reason = error.tail
      .split('\n')
      .filter((line) => /^(E|Err|W):|Failed|No space/.test(line))
      .slice(0, 3)
      .join('\n  ');
    throw new UserError(`packages could not be downloaded:\n  ${reason === '' ? error.tail : reason}`, {
      exitCode: error.tail.includes('No space left') ? EXIT.environment : EXIT.archive,
      hint: error.tail.includes('No space left')
        ? 'the work directory is full: build with --work disk'
        : 'the archive may be changing under us or be out of reach: run the build again',
      cause: error,
    });
  } finally {
    stopWatching();
  }
}

const AR_MAGIC = '!<arch>\n';
const AR_HEADER_BYTES = 60;

function arHeader(name: string, bytes: number): string {
  return `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(bytes).padEnd(10)}\`\n`;
}

/**
 * Writes a package into the store: `debian-binary`, `control.tar`, `data.tar` in an ar archive (deb(5), format 2.0).
 *
 * dpkg-deb writes each member at the file's own offset, so nothing of the content passes through this process.
 */
async function storeDeb(context: Context, store: string, deb: RemoteDeb, source: string): Promise<StoredDeb> {
  const file = join(store, debPath(deb.sha256));
  mkdirSync(dirname(file), { recursive: true });
  const partial = partialName(file);
  const fd = openSync(partial, 'w+');
  try {
    writeSync(fd, `${AR_MAGIC}${arHeader('debian-binary', 4)}2.0\n`);
    const control = await writeMember(context, fd, 'control.tar', ['dpkg-deb', '--ctrl-tarfile', source]);
    await writeMember(context, fd, 'data.tar', ['dpkg-deb', '--fsys-tarfile', source]);
    const { stanza, date } = readControl(fd, control.offset, control.bytes);
    const stored: StoredDeb = {
      sha256: deb.sha256,
      path: debPath(deb.sha256),
      bytes: statSync(partial).size,
      storedSha256: await hashFile(partial),
      control: stanza,
      date,
    };
    renameSync(partial, file);
    giveToOwnerOf(context.settings.cacheDir, store, dirname(file), file);
    writeAtomically(context.settings.cacheDir, `${file}.json`, JSON.stringify(stored));
    return stored;
  } finally {
    closeSync(fd);
    rmSync(partial, { force: true });
  }
}

async function writeMember(
  context: Context,
  fd: number,
  name: string,
  argv: readonly [string, ...string[]],
): Promise<{ offset: number; bytes: number }> {
  const start = position(fd);
  writeSync(fd, arHeader(name, 0));
  // Not through execa: it takes no file descriptor of ours as the output of a process.
  const [command, ...args] = argv;
  const child = spawn(command, args, { stdio: ['ignore', fd, 'pipe'], env: TOOL_ENV, signal: context.signal });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (complaint += text));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) {
    throw new CommandError({
      doing: 'unpacking a package',
      argv,
      exit: `exit status ${String(code)}`,
      tail: complaint,
    });
  }
  const offset = start + AR_HEADER_BYTES;
  const bytes = position(fd) - offset;
  writeSync(fd, arHeader(name, bytes), start);
  if (bytes % 2 === 1) writeSync(fd, '\n');
  return { offset, bytes };
}

/** Node has no lseek; the kernel tells the offset that we share with the tool that wrote. */
function position(fd: number): number {
  const pos = /^pos:\s+(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${String(fd)}`, 'utf8'))?.[1];
  return Number(pos);
}

/** The `control` file of an uncompressed control.tar, and the newest time in it. */
function readControl(fd: number, offset: number, bytes: number): { stanza: string; date: number } {
  const tar = Buffer.alloc(bytes);
  readSync(fd, tar, 0, bytes, offset);
  let stanza: string | undefined;
  let date = 0;
  for (let at = 0; at + 512 <= bytes && tar[at] !== 0;) {
    const name = tar.toString('utf8', at, at + 100).replace(/\0.*$/s, '');
    const size = octal(tar, at + 124);
    if (/^(\.\/)?control$/.test(name)) stanza = tar.toString('utf8', at + 512, at + 512 + size).trimEnd();
    date = Math.max(date, octal(tar, at + 136));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  if (stanza === undefined) throw new Error('package without a control file');
  return { stanza, date };
}

function octal(tar: Buffer, at: number): number {
  return Number.parseInt(tar.toString('latin1', at, at + 12).replace(/[\0 ].*$/s, '') || '0', 8);
}
