import type { Source } from './document.js';
import type { Problem } from '../errors.js';
import type { FileRef, Overlay, Phase } from './types.js';

/** A hook script as it lies in its collection. */
export interface HookFile {
  readonly phase: Phase;
  readonly name: string;
  readonly file: FileRef;
  readonly text: string;
  readonly sha256: string;
  readonly source: Source;
}

/** What a collection has beside its `collection.yaml`; read only for collections that a profile uses. */
export interface CollectionContent {
  readonly hooks: readonly HookFile[];
  readonly overlays: readonly Overlay[];
  readonly files: FileRef | undefined;
  readonly filesDigest: string;
  readonly problems: readonly Problem[];
}
