/** How an image is looked into. */
export interface Look {
  /** Room for what has to be unpacked. */
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** Tried on encrypted storage, so that what is in it is read. */
  readonly passphrases: readonly string[];
  /** Read what only rules ask for: modules in initramfs, and whether published passphrases open what is encrypted. */
  readonly judged: boolean;
  /** Read the content of all files, for their digests and attributes. */
  readonly digests: boolean;
}

/** Beginnings of files by path, one character a byte; those that are not there are left out. */
export type Contents = (paths: readonly string[], longest: number) => Promise<ReadonlyMap<string, string>>;
