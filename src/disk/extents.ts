import type { Extents } from './types.js';

/** Cuts what lies between two places; nothing when they are the wrong way round. */
function between(start: number, end: number): Extents[] {
  return end > start ? [{ start, bytes: end - start }] : [];
}

/**
 * What of one list of extents another one has, too.
 *
 * @param one in order, as the other, and none overlaps the next.
 */
export function overlaps(one: readonly Extents[], other: readonly Extents[]): Extents[] {
  const found: Extents[] = [];
  let next = 0;
  for (const { start, bytes } of one) {
    const end = start + bytes;
    for (let at = other[next]; at !== undefined && at.start < end; at = other[next]) {
      found.push(...between(Math.max(start, at.start), Math.min(end, at.start + at.bytes)));
      // It may reach into the next one.
      if (at.start + at.bytes > end) break;
      next += 1;
    }
  }
  return found;
}

/**
 * What an extent has besides others.
 *
 * @param others in order; none overlaps the next.
 */
export function without({ start, bytes }: Extents, others: readonly Extents[]): Extents[] {
  const end = start + bytes;
  const left: Extents[] = [];
  let from = start;
  for (const other of others) {
    left.push(...between(from, Math.min(end, other.start)));
    from = Math.max(from, other.start + other.bytes);
  }
  return [...left, ...between(from, end)];
}

/** Cuts extents so that none is larger than that. */
export function inPieces(extents: readonly Extents[], most: number): Extents[] {
  return extents.flatMap(({ start, bytes }) =>
    Array.from({ length: Math.ceil(bytes / most) }, (_, n) => {
      return { start: start + n * most, bytes: Math.min(most, bytes - n * most) };
    }),
  );
}
