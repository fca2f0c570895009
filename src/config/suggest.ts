/** Number of single-character edits (insert, delete, replace, swap of neighbours) between two words. */
export function editDistance(from: string, to: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1];
      let best = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      );
      // Swapped neighbours are the commonest slip of a typist; plain Levenshtein counts them as two edits.
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        best = Math.min(best, (beforePrevious[column - 2] ?? 0) + 1);
      }
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[to.length] ?? 0;
}

/** The candidate that `name` most likely was meant to be, or undefined when none is close. The first of equals wins. */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  const wanted = name.toLowerCase();
  // A third of the word may be wrong: `bse` → `base`, `authorisedKey` → `authorizedKeys`.
  let limit = Math.max(1, Math.floor(name.length / 3));
  let found: string | undefined;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) > limit) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < limit || (distance === limit && found === undefined)) {
      found = candidate;
      limit = distance;
    }
  }
  if (found !== undefined) return found;
  // People also leave out the group or folder (`user` for `login.user`) or the end (`bool` for `boolean`).
  const meant = [...candidates].map((candidate) => ({ candidate, word: candidate.toLowerCase() }));
  for (const fits of [
    ({ word }: { word: string }) => word.split(/[./]/).at(-1) === wanted,
    ({ word }: { word: string }) => wanted.length > 2 && word.startsWith(wanted),
  ]) {
    const [only, ...more] = meant.filter(fits);
    if (only !== undefined && more.length === 0) return only.candidate;
  }
  return undefined;
}

/** The hint for an unknown name, as the optional part of a problem. */
export function didYouMean(name: string, candidates: Iterable<string>): { hint?: string } {
  const found = nearest(name, [...candidates]);
  return found === undefined ? {} : { hint: `did you mean "${found}"?` };
}
