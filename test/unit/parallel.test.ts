import { describe, expect, it } from 'vitest';
import { together } from '../../src/exec/parallel.js';

const forever = new AbortController().signal;

/** Ends when it is told to, with the reason. */
async function waiting(signal: AbortSignal): Promise<never> {
  await new Promise((resolve) => {
    signal.addEventListener('abort', resolve, { once: true });
  });
  signal.throwIfAborted();
  throw new Error('not aborted');
}

describe('together', () => {
  it('gives both results', async () => {
    expect(
      await together(
        forever,
        async () => await Promise.resolve(1),
        async () => await Promise.resolve('two'),
      ),
    ).toEqual([1, 'two']);
  });

  it.each(['first', 'second'])('stops and awaits the other when the %s fails, and tells why', async (which) => {
    const failure = new Error('no');
    let ended = false;
    const failing = async (): Promise<never> => await Promise.reject(failure);
    const other = async (signal: AbortSignal): Promise<void> => {
      await waiting(signal).catch(async () => {
        await new Promise((resolve) => setTimeout(resolve, 10));
        ended = true;
      });
    };
    const both = which === 'first' ? together(forever, failing, other) : together(forever, other, failing);
    await expect(both).rejects.toBe(failure);
    expect(ended).toBe(true);
  });

  it('stops both when it is told to stop', async () => {
    const stop = new AbortController();
    const both = together(stop.signal, waiting, waiting);
    stop.abort(new Error('enough'));
    await expect(both).rejects.toThrow('enough');
  });
});
