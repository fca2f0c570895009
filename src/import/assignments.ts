import type { Problem } from '../errors.js';

/** How a value is given: declared with its default, set, or set without any check. */
type Operator = '*=' | '=' | '?=';

/** An assignment in a file of the predecessor. */
export interface Assignment {
  readonly name: string;
  readonly operator: Operator;
  readonly value: string;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly col: number;
  /** The comment in the lines right above, without its marks; '' without one. */
  readonly comment: string;
}

/** What stands without quotes; everything else never passed its reader either. */
const PLAIN = /[A-Za-z0-9_~\-./*?=]/;

const ASSIGNMENT = /^([A-Za-z][A-Za-z0-9_]*)(\*=|\?=|=)([^]*)$/;

/**
 * Reads a file of the predecessor: profile, defaults, or the config of a collection. They look like shell and are none: a
 * word is an assignment, quotes are those of Python's shlex in POSIX mode, and nothing is expanded.
 *
 * @param problems what no reader could make sense of; the rest is returned all the same.
 */
export function readAssignments(text: string, file: string, problems: Problem[]): Assignment[] {
  const lines = text.split('\n');
  const found: Assignment[] = [];
  for (const word of words(text, file, problems)) {
    const [, name, operator, value = ''] = ASSIGNMENT.exec(word.text) ?? [];
    if (name === undefined) {
      problems.push(problem(file, word, `${JSON.stringify(shorten(word.text))} is no assignment: NAME='value' is one`));
      continue;
    }
    const { line, col } = word;
    found.push({ name, operator: operator as Operator, value, file, line, col, comment: commentAbove(lines, line) });
  }
  return found;
}

/** True when a text has an assignment of the kind that these files consist of. */
export function looksLikeAssignments(text: string): boolean {
  return /^\s*(?:OCONF|OFEAT|DBUILD)_\w+[*?]?=/m.test(text);
}

interface Place {
  readonly line: number;
  readonly col: number;
}

interface Word extends Place {
  readonly text: string;
}

function words(text: string, file: string, problems: Problem[]): Word[] {
  const result: Word[] = [];
  let line = 1;
  let lineStart = 0;
  let start: Place | undefined;
  let word = '';
  const end = (): void => {
    if (start !== undefined) result.push({ text: word, ...start });
    start = undefined;
    word = '';
  };
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at);
    const here = { line, col: at - lineStart + 1 };
    if (char === '#' || /\s/.test(char)) {
      end();
      if (char === '#') at = endOfLine(text, at) - 1;
      if (char === '\n') [line, lineStart] = [line + 1, at + 1];
      continue;
    }
    start ??= here;
    if (char === "'" || char === '"') {
      const { value, next } = quoted(text, at);
      if (next > text.length) problems.push(problem(file, here, `the quote ${char} is not closed`));
      word += value;
      for (let inside = at; inside < Math.min(next, text.length); inside++) {
        if (text.charAt(inside) === '\n') [line, lineStart] = [line + 1, inside + 1];
      }
      at = next - 1;
    } else if (char === '\\') {
      at += 1;
      word += text.charAt(at);
      if (text.charAt(at) === '\n') [line, lineStart] = [line + 1, at + 1];
    } else {
      if (!PLAIN.test(char)) problems.push(problem(file, here, `the character ${char} needs quotes around it`));
      word += char;
    }
  }
  end();
  return result;
}

/** The text between quotes that open at `at`, and where what follows them begins: behind the end of the text if nothing closes them. */
function quoted(text: string, at: number): { value: string; next: number } {
  const quote = text.charAt(at);
  let value = '';
  for (let inside = at + 1; inside < text.length; inside++) {
    const char = text.charAt(inside);
    if (char === quote) return { value, next: inside + 1 };
    const next = text.charAt(inside + 1);
    if (quote === '"' && char === '\\' && (next === '"' || next === '\\')) {
      value += next;
      inside += 1;
    } else {
      value += char;
    }
  }
  return { value, next: text.length + 1 };
}

function endOfLine(text: string, from: number): number {
  const found = text.indexOf('\n', from);
  return found < 0 ? text.length : found;
}

function commentAbove(lines: readonly string[], line: number): string {
  const words: string[] = [];
  for (let above = line - 2; above >= 0; above--) {
    const [, comment] = /^\s*#+\s?(.*)$/.exec(lines[above] ?? '') ?? [];
    if (comment === undefined || comment.trim() === '' || looksLikeAssignments(comment)) break;
    words.unshift(comment.trim());
  }
  return words.join(' ');
}

function problem(file: string, { line, col }: Place, message: string): Problem {
  return { file, line, col, path: '', message };
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
