/** Keys that a build of this process is making, and who waits for them. */
const turns = new Map<string, Promise<void>>();

/** Keys that were made by this process. */
const made = new Set<string>();

/**
 * Waits for the turn to make what a key names: of several builds that need the same, the first makes it and the others
 * find it in the cache.
 *
 * @returns gives the turn to the next; more calls change nothing.
 */
export async function takeTurn(key: string): Promise<() => void> {
  const before = turns.get(key);
  let release = (): void => undefined;
  const mine = new Promise<void>((resolve) => {
    release = resolve;
  });
  turns.set(
    key,
    (before ?? Promise.resolve()).then(() => mine),
  );
  await before;
  return release;
}

export function noteMade(key: string): void {
  made.add(key);
}

/** True for what is new even to who asked for everything to be built again. */
export function wasMadeHere(key: string): boolean {
  return made.has(key);
}
