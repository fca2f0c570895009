import { formatBytes } from '../units.js';
import { sharesOf, type Measured, type Sized } from './size.js';
import { compareText } from './system.js';

/** What an earlier build of the profile has made. */
export interface Earlier {
  readonly measured: Measured;
  /** Day of that build: `2026-11-20`. */
  readonly day: string;
}

/** Names that are told; who wants more asks `imgbuild size`. */
const TOLD = 5;

interface Row {
  readonly name: string;
  readonly bytes: number;
}

/**
 * Judges the size of an image: `undefined` when it keeps to its limit, else what to tell: by how much it is too large, and
 * what has grown since the earlier build, or what is largest.
 *
 * @param limit bytes that the files may take.
 * @param collections those of the profile, in their order.
 */
export function sizeFault(
  limit: number,
  measured: Measured,
  earlier: Earlier | undefined,
  collections: readonly Sized[],
): string | undefined {
  if (measured.bytes <= limit) return undefined;
  const over = `the files of the image take ${exact(measured.bytes, limit)}, and maxSize allows ${exact(limit, measured.bytes)}`;
  const of = (one: Measured): Row[] => [...one.packages, { name: 'files of no package', bytes: looseBytes(one) }];
  const largest = (): string => `the largest packages are ${told(measured.packages, '')}`;
  if (earlier === undefined) return `${over}; ${largest()}`;
  const grown = growth(of(measured), of(earlier.measured));
  if (grown.length === 0) return `${over}; nothing has grown since the build of ${earlier.day}; ${largest()}`;
  const shares = growth(sharesOf(measured, collections), sharesOf(earlier.measured, collections));
  const whose = shares.length === 0 ? '' : `; by collection: ${told(shares, '+')}`;
  return `${over}; since the build of ${earlier.day}: ${told(grown, '+')}${whose}`;
}

/** Bytes besides, where rounding would make two different sizes look the same. */
function exact(bytes: number, other: number): string {
  const text = formatBytes(bytes);
  return text === formatBytes(other) ? `${text} (${String(bytes)} bytes)` : text;
}

function looseBytes({ loose }: Measured): number {
  return loose.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** What is larger than before, the most grown first. */
function growth(now: readonly Row[], before: readonly Row[]): Row[] {
  const old = new Map(before.map(({ name, bytes }) => [name, bytes]));
  return now
    .map(({ name, bytes }) => ({ name, bytes: bytes - (old.get(name) ?? 0) }))
    .filter(({ bytes }) => bytes > 0)
    .sort((a, b) => b.bytes - a.bytes || compareText(a.name, b.name));
}

function told(rows: readonly Row[], sign: string): string {
  const more = rows.length > TOLD ? ` and ${String(rows.length - TOLD)} more` : '';
  const names = rows.slice(0, TOLD).map(({ name, bytes }) => `${name} ${sign}${formatBytes(bytes)}`);
  return `${names.join(', ')}${more}`;
}
