import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { formatBytes } from '../units.js';
import type { Context } from './context.js';
import type { Transfer } from './types.js';

/** How often a download is looked at. */
const INTERVAL_MS = 500;

/** The rate is that of the last few seconds: what it was at the start tells nothing about when it ends. */
const WINDOW_MS = 4000;

/** What has arrived so far, of how much. */
export type Arrived = Omit<Transfer, 'rate'>;

interface Sample {
  readonly at: number;
  readonly bytes: number;
}

/**
 * Reports how far a download by a tool is, while it runs.
 *
 * @param doing e.g. `downloading packages`
 * @param measure what has arrived, from the files that the tool writes: apt tells its own progress to terminals only.
 * @returns a function that ends it.
 */
export function watchTransfer(
  context: Pick<Context, 'emit' | 'profile'>,
  doing: string,
  measure: () => Arrived,
): () => void {
  let samples: readonly Sample[] = [];
  const look = (): void => {
    const arrived = measure();
    samples = recent(samples, { at: performance.now(), bytes: arrived.bytes });
    const transfer = { ...arrived, rate: rateOf(samples) };
    context.emit({ type: 'progress', profile: context.profile, text: transferText(doing, transfer), transfer });
  };
  look();
  const timer = setInterval(look, INTERVAL_MS);
  return () => {
    clearInterval(timer);
  };
}

/** The samples of the window that ends with the last one, and the one before them. */
export function recent(samples: readonly Sample[], last: Sample): readonly Sample[] {
  const first = samples.findLastIndex(({ at }) => at <= last.at - WINDOW_MS);
  return [...samples.slice(Math.max(0, first)), last];
}

/** Bytes a second between the first and the last sample. */
export function rateOf(samples: readonly Sample[]): number {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.at <= first.at) return 0;
  return ((last.bytes - first.bytes) * 1000) / (last.at - first.at);
}

/** `downloading packages 12/180, 23.4 MiB of 64.0 MiB, 8.1 MiB/s` */
export function transferText(doing: string, { files, bytes, total, rate }: Transfer): string {
  const count = files === undefined ? '' : ` ${String(files.done)}/${String(files.total)}`;
  const size = total === undefined ? formatBytes(bytes) : `${formatBytes(bytes)} of ${formatBytes(total)}`;
  return [`${doing}${count}`, size, ...(rate > 0 ? [`${formatBytes(rate)}/s`] : [])].join(', ');
}

/** Measures files of known sizes. */
export function filesArrived(files: readonly { readonly path: string; readonly bytes: number }[]): () => Arrived {
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  return () => {
    const sizes = files.map(({ path }) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
    return {
      files: { done: files.filter(({ bytes }, n) => sizes[n] === bytes).length, total: files.length },
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      total,
    };
  };
}

/** What is downloaded in apt's directory of lists; what apt then decompresses beside it does not count. */
const DOWNLOADED = /Release(\.gpg)?$|\.(xz|gz|bz2|lz4|zst)$/;

/** Measures the indexes that apt fetches into its directory of lists, by the largest that each file was seen to be. */
export function indexesArrived(lists: string): () => Arrived {
  const partial = join(lists, 'partial');
  const largest = new Map<string, number>();
  return () => {
    for (const name of readdirSync(partial).filter((entry) => DOWNLOADED.test(entry))) {
      const size = statSync(join(partial, name), { throwIfNoEntry: false })?.size ?? 0;
      largest.set(name, Math.max(size, largest.get(name) ?? 0));
    }
    return { bytes: [...largest.values()].reduce((sum, size) => sum + size, 0) };
  };
}
