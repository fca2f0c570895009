import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { output } from '../exec/run.js';
import type { Contents } from '../verify/read/look.js';
import { judged, type Comparison, type FileChange, type Pair } from './compare.js';

/** Of larger files no text is shown. */
const LONGEST_TEXT = 256 << 10;

/** So many texts are read at a time, and so many bytes of differences are shown in all. */
const BATCH = 64;
const ALL_DIFFS = 16 << 20;

/** Lines of one difference that are shown. */
const MOST_LINES = 200;

/** Files with secrets in them: that they differ may be shown, but not how. */
const SECRET =
  /^etc\/(g?shadow-?|ssh\/ssh_host_.*_key|ssl\/private\/.*|luks.*|.*\.key)$|(^|\/)\.(ssh|gnupg|netrc|pgpass)(\/|$)|\.(key|pem|p12)$/;

/** What the list of packages tells better. */
const DATABASE = /^var\/(lib\/(dpkg|apt|ucf|systemd\/deb-systemd-helper-enabled)|cache)\//;

/** Files that hold an identity and nothing else. */
const IDENTITY =
  /^(etc\/machine-id|var\/lib\/dbus\/machine-id|var\/lib\/systemd\/random-seed|etc\/ssh\/ssh_host_.*|etc\/hostid)$/;

/** UUIDs, serial numbers of FAT, ids of LVM, and ids of machines. */
const IDS =
  /\b(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-F]{4}-[0-9A-F]{4}|[0-9A-Za-z]{6}(?:-[0-9A-Za-z]{4}){5}-[0-9A-Za-z]{6}|[0-9a-f]{32})\b/g;

/** Whether two texts differ in identities alone. */
export function differInIdentities(a: string, b: string): boolean {
  return a !== b && a.replace(IDS, 'ID') === b.replace(IDS, 'ID');
}

/** Whether the content of a file may be shown. */
export function isShown(path: string): boolean {
  return !SECRET.test(path) && !DATABASE.test(path);
}

function isText(content: string): boolean {
  return !content.includes('\0');
}

/**
 * Adds to a comparison how texts differ, and puts apart what differs in identities alone. Only files whose digests differ
 * are read, a few at a time.
 */
export async function withContents(
  comparison: Comparison,
  read: { readonly a: Contents; readonly b: Contents },
  place: { readonly workDir: string; readonly signal: AbortSignal },
): Promise<Comparison> {
  const identities: Pair[] = [...comparison.identities];
  const diffs = new Map<string, string>();
  const apart = new Set<string>();
  const readable = [...comparison.boot, ...comparison.files].filter(isReadable).map(({ path }) => path);
  const scratch = await mkdtemp(join(place.workDir, 'diff-'));
  let bytes = 0;
  try {
    for (let n = 0; n < readable.length; n += BATCH) {
      const batch = readable.slice(n, n + BATCH);
      const [before, after] = [await read.a(batch, LONGEST_TEXT), await read.b(batch, LONGEST_TEXT)];
      for (const path of batch) {
        const [a, b] = [before.get(path) ?? '', after.get(path) ?? ''];
        if (IDENTITY.test(path) || differInIdentities(a, b)) {
          apart.add(path);
          identities.push({ what: `/${path}`, ...idsOf(path, a, b) });
        } else if (isShown(path) && isText(a) && isText(b) && bytes < ALL_DIFFS) {
          const diff = await diffOf(path, a, b, scratch, place.signal);
          bytes += diff.length;
          diffs.set(path, diff);
        }
      }
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  const told = (changes: readonly FileChange[]): FileChange[] =>
    changes
      .filter(({ path, aspects }) => !apart.has(path) || aspects.length > 1)
      .map((change) => (diffs.has(change.path) ? { ...change, diff: diffs.get(change.path) } : change));
  return judged({ ...comparison, identities, boot: told(comparison.boot), files: told(comparison.files) });
}

function isReadable({ path, aspects, a, b }: FileChange): boolean {
  if (!aspects.includes('content') || DATABASE.test(path)) return false;
  return Math.max(a?.bytes ?? 0, b?.bytes ?? 0) <= LONGEST_TEXT;
}

/** The first identity that differs; of private keys nothing. */
function idsOf(path: string, a: string, b: string): Pick<Pair, 'a' | 'b'> {
  if (!isShown(path)) return { a: '', b: '' };
  const [before, after] = [a.match(IDS) ?? [], b.match(IDS) ?? []];
  const n = before.findIndex((id, index) => id !== after[index]);
  return { a: before[n] ?? '', b: after[n] ?? '' };
}

async function diffOf(path: string, a: string, b: string, scratch: string, signal: AbortSignal): Promise<string> {
  const [one, other] = [join(scratch, 'a'), join(scratch, 'b')];
  await writeFile(one, a, 'latin1');
  await writeFile(other, b, 'latin1');
  const labels = ['--label', `a/${path}`, '--label', `b/${path}`];
  // 1: they differ.
  const text = await output(['diff', '-u', '-a', ...labels, one, other], {
    doing: 'comparing texts',
    accept: [0, 1],
    signal,
  });
  const lines = text.trimEnd().split('\n');
  const more = lines.length - MOST_LINES;
  return more > 0 ? [...lines.slice(0, MOST_LINES), `… ${String(more)} lines more`].join('\n') : lines.join('\n');
}
