import type { OptionValue } from '../../config/types.js';
import type { Machine } from '../../output/types.js';

/** A finished disk image in a file, whatever its layers. */
export interface DiskFile {
  /** `rootfs` for the disk that boots, else the name of the disk. */
  readonly name: string;
  readonly path: string;
  /** Size of the disk. */
  readonly bytes: number;
}

/** What formats are made from. */
export interface FormatJob {
  /** The first one boots. */
  readonly disks: readonly DiskFile[];
  /** Needed by formats whose source is a machine. */
  readonly machine: Machine | undefined;
  /** Values of core options; what is missing has its default. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Seconds since 1970 that stand for "now" in what is written. */
  readonly epoch: number;
  /** Directory for files that are gone at the end; has room for a disk when it is compressed. */
  readonly scratch: string;
  /** Write scripts beside images, too, that put them to use. */
  readonly companions?: boolean;
  readonly signal?: AbortSignal | undefined;
}

const MIB = 2 ** 20;

/** Sizes that every platform takes are whole MiB. */
export function wholeMiB(bytes: number): number {
  return Math.ceil(bytes / MIB) * MIB;
}
