import type { Context } from './context.js';

/** Reports a stage that the cache does not keep, with the time that it takes. */
export async function timed<T>({ emit, profile }: Context, stage: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  emit({ type: 'stage', profile, stage, state: 'start' });
  const result = await work();
  emit({ type: 'stage', profile, stage, state: 'done', seconds: (performance.now() - started) / 1000 });
  return result;
}
