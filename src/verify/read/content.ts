import type { Entry } from '../facts.js';

const KIB = 1024;

/** Parts of /var that only packages write to: thousands of files without a word of the machine. */
const DULL =
  /^var\/(lib\/dpkg\/(info|alternatives|diversions)|lib\/apt\/lists|cache\/(apt|man|fontconfig|ldconfig))(\/|$)/;

/** How much of a file rules want to see: its first so many bytes. */
export function wanted(path: string, entry: Pick<Entry, 'kind' | 'bytes'>): number {
  if (entry.kind !== 'file' || entry.bytes === 0) return 0;
  // The list of packages is one file.
  if (path === 'var/lib/dpkg/status') return 16 * KIB * KIB;
  if (DULL.test(path)) return 0;
  if (/^(etc|root|home|var|srv|opt|usr\/local)\//.test(path)) return 1024 * KIB;
  // Programs: enough for the header that tells their architecture.
  if (/^(usr\/)?bin\/[^/]+$/.test(path)) return 64;
  if (/^usr\/lib\/os-release$/.test(path)) return 64 * KIB;
  if (/^(usr\/)?lib\/modules\/[^/]+\/modules\.builtin$/.test(path)) return 256 * KIB;
  return 0;
}
