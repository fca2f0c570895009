/** Applies `work` to every item, at most `limit` at a time, and keeps the order. The first failure wins. */
export async function mapLimit<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await work(items[index] as T, index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/** Does two things at a time. When one fails, the other is told to stop and is waited for. */
export async function together<A, B>(
  signal: AbortSignal,
  one: (signal: AbortSignal) => Promise<A>,
  other: (signal: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const guarded = async <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await work(both);
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  };
  const [first, second] = [guarded(one), guarded(other)];
  await Promise.allSettled([first, second]);
  stop.signal.throwIfAborted();
  return [await first, await second];
}
