/** A file of an output while it is written: in the output directory already, and without a name that anybody sees. */
export interface NewFile {
  /** The name that it gets when all files are written; others may refer to it. */
  readonly name: string;
  /**
   * For tools that want a path: opens the file, in processes started from this one as well, for as long as the build writes.
   * Not for tools that make a new file and rename it.
   */
  readonly path: string;
  /** Closed by who gave it. */
  readonly fd: number;
}

/** Where the files of one build come into being, in the order in which users are told of them. */
export interface NewFiles {
  /**
   * @param part what is in it: `rootfs`, the name of another disk, or `vm`.
   * @param suffix with the dot.
   */
  readonly newFile: (part: string, suffix: string) => NewFile;
  /** Tells the SHA-256 of what is in a file, for who has it at hand: saves reading it all again. */
  readonly hashed: (file: NewFile, sha256: string) => void;
}

/** What formats of a root filesystem need besides. */
export interface NewSystemFiles extends NewFiles {
  /**
   * Makes a directory that gets its name with the files.
   *
   * @param about size of all content, and a SHA-256 of it, of whatever kind.
   * @returns where to write.
   */
  readonly newDirectory: (
    part: string,
    suffix: string,
    about: { readonly bytes: number; readonly digest: string },
  ) => string;
  /** Tells by which number Incus will know the image that this file, or what begins with it, is. */
  readonly fingerprinted: (file: NewFile, fingerprint: string) => void;
}

/** One format of an output, which may be several files. */
export interface Artefact<Files extends NewFiles = NewFiles> {
  /** Room that its files take at the most: asked for before any of them is begun. */
  readonly bytes: number;
  /** Writes the files; publishing hashes and flushes them, and gives them their names and owner. */
  readonly write: (files: Files) => Promise<void>;
}
