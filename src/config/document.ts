import type { Document, LineCounter, Range } from 'yaml';

import type { Problem } from '../errors.js';
import { yamlLibrary } from './lazy.js';

/** Keys and indexes that lead to a value in a document. */
export type Path = readonly (string | number)[];

export interface Place {
  readonly line: number;
  readonly col: number;
}

/** A file that was read, able to tell where each of its values stands. */
export interface Source {
  /** Path as shown to the user. */
  readonly file: string;
  readonly value: unknown;
  /** Was found good before, as it is now, so that its schema need not look at it again. */
  readonly checked: boolean;
  /** Place of the value at `path`, or of its key; of the nearest enclosing value when there is none. */
  readonly place: (path: Path, part?: 'key' | 'value') => Place;
  /** How the path is written in messages. */
  readonly show: (path: Path) => string;
}

/** A value together with the place where it was written. */
export interface Located<T> {
  readonly value: T;
  readonly source: Source;
  readonly path: Path;
}

/** Writes a path the way one would in JavaScript: `collections[1]`, `options.login.user`. */
export function showPath(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${String(part)}]`;
    else text += text === '' ? part : `.${part}`;
  }
  return text;
}

/** A problem with the value (or the key) at `path` of a source. */
export function problemAt(
  source: Source,
  path: Path,
  message: string,
  more: { hint?: string; part?: 'key' | 'value' } = {},
): Problem {
  const place = source.place(path, more.part ?? 'value');
  const problem = { file: source.file, ...place, path: source.show(path), message };
  return more.hint === undefined ? problem : { ...problem, hint: more.hint };
}

/** Is this a mapping, as YAML gives it? */
export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at `path`, or undefined. */
export function valueAt(source: Source, path: Path): unknown {
  let value = source.value;
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)] as unknown;
    else if (isMapping(value) && Object.hasOwn(value, part)) value = value[part];
    else return undefined;
  }
  return value;
}

/** The string entries of the list at `path`; what is not a string has been reported by the schema. */
export function stringsAt(source: Source, path: Path): Located<string>[] {
  const list = valueAt(source, path);
  if (!Array.isArray(list)) return [];
  return list.flatMap((value: unknown, index) =>
    typeof value === 'string' ? [{ value, source, path: [...path, index] }] : [],
  );
}

/** Keys and values of the mapping at `path`. */
export function entriesAt(source: Source, path: Path): (Located<unknown> & { readonly key: string })[] {
  const mapping = valueAt(source, path);
  if (!isMapping(mapping)) return [];
  return Object.entries(mapping).map(([key, value]) => ({ key, value, source, path: [...path, key] }));
}

/** Parses YAML text; syntax errors and duplicate keys become problems, and what could be read is returned all the same. */
export function parseYaml(text: string, file: string, problems: Problem[]): Source {
  const { document, counter } = parseDocument(text);
  for (const error of [...document.errors, ...document.warnings]) {
    const { line, col } = counter.linePos(error.pos[0]);
    problems.push({ file, line, col, path: '', message: error.message });
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    problems.push({ file, line: 1, col: 1, path: '', message: error instanceof Error ? error.message : String(error) });
  }
  const place: Source['place'] = (path, part = 'value') => locate(document, counter, path, part);
  return { file, value, checked: false, show: showPath, place };
}

/** The source of a text whose value is known and good. It is parsed only when somebody asks for a place. */
export function knownYaml(text: string, file: string, value: unknown): Source {
  let parsed: ReturnType<typeof parseDocument> | undefined;
  const place: Source['place'] = (path, part = 'value') => {
    parsed ??= parseDocument(text);
    return locate(parsed.document, parsed.counter, path, part);
  };
  return { file, value, checked: true, show: showPath, place };
}

function parseDocument(text: string): { document: Document; counter: LineCounter } {
  const yaml = yamlLibrary();
  const counter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: counter, prettyErrors: false, logLevel: 'silent' });
  return { document, counter };
}

/** A text file in which each line is an entry; its paths are `[line number]`. */
export function lineSource(file: string): Source {
  return {
    file,
    value: undefined,
    checked: true,
    show: () => '',
    place: (path) => ({ line: typeof path[0] === 'number' ? path[0] : 1, col: 1 }),
  };
}

function locate(document: Document, counter: LineCounter, path: Path, part: 'key' | 'value'): Place {
  const { isAlias, isMap, isScalar, isSeq } = yamlLibrary();
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [depth, name] of path.entries()) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(name));
      if (pair === undefined) break;
      const wantsKey = part === 'key' && depth === path.length - 1;
      // An empty value has no place of its own: point at its key.
      const empty = pair.value === null || (isScalar(pair.value) && pair.value.value === null);
      offset = startOf(wantsKey || empty ? pair.key : pair.value) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(name)];
      offset = startOf(node) ?? offset;
    } else {
      break;
    }
  }
  // LineCounter gives line 0 for an empty document.
  const { line, col } = counter.linePos(offset);
  return { line: Math.max(line, 1), col: Math.max(col, 1) };
}

function startOf(node: unknown): number | undefined {
  if (typeof node !== 'object' || node === null || !('range' in node)) return undefined;
  const range = node.range as Range | null | undefined;
  return range?.[0];
}
