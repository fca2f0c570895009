import type { OptionValue } from '../../config/types.js';
import type { DiskFile } from './job.js';

/** What formats of a root filesystem are made from. */
export interface TreeJob {
  readonly profile: string;
  readonly suite: string;
  readonly architecture: string;
  /** Content of /etc/debian_version. */
  readonly debianVersion: string;
  /** Names of all that is installed. */
  readonly packages: readonly string[];
  /** Values of core options; what is missing has its default. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Seconds since 1970 that stand for "now" in what is written. */
  readonly epoch: number;
  /** The tree as a tar, from its beginning each time; its members begin with `./`. */
  readonly openTar: () => AsyncIterable<Buffer>;
  /** Size of that tar. */
  readonly bytes: number;
  /** Changes with the tree; identifiers follow from it. */
  readonly digest: string;
  /** The disk with the system on it, for formats of machines; undefined for a container. */
  readonly disk: DiskFile | undefined;
  /** Directory for files that are gone at the end. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  readonly log: (line: string) => void;
}
