import type { Problem } from '../errors.js';
import type { Assignment } from './assignments.js';

/** Something that the reader of an import should know, with its place in the predecessor's file. */
export interface Note extends Problem {
  /** `lost` has no counterpart, and somebody has to look after it; `told` was taken over or is not needed. */
  readonly kind: 'lost' | 'told';
}

/** A note about an assignment. */
export function noteOn(
  { file, line, col, name }: Assignment,
  kind: Note['kind'],
  message: string,
  hint?: string,
): Note {
  return { kind, file, line, col, path: name, message, ...(hint === undefined ? {} : { hint }) };
}

/** A note about a line of a file, or about the file itself with line 0. */
export function noteAt(file: string, line: number, kind: Note['kind'], message: string, hint?: string): Note {
  return { kind, file, line, col: 1, path: '', message, ...(hint === undefined ? {} : { hint }) };
}
