import type { FORMAT_SOURCES, FormatName } from '../config/formats.js';

/** What a format is made from; see `FORMAT_SOURCES`. */
export type Source = (typeof FORMAT_SOURCES)[FormatName];

/** One row of the output table. */
export interface Format {
  /** As profiles and `--format` name it. */
  readonly name: FormatName;
  readonly source: Source;
  /** Of its images, with the dot. */
  readonly suffixes: readonly string[];
  readonly summary: string;
  /** Options that change what is written: part of the stage's key. */
  readonly options: readonly string[];
}

/** A virtual machine as its platforms need it described. */
export interface Machine {
  readonly name: string;
  /** e.g. 12, or 0 for sid; undefined for a disk that nobody has looked into. */
  readonly debian: number | undefined;
  readonly architecture: string;
  readonly firmware: 'uefi' | 'bios';
  readonly secureBoot: boolean;
  readonly cpus: number;
  readonly memoryMiB: number;
}
