import { noteAt, type Note } from './note.js';
import type { Variable } from './variable.js';
import { PROFILE_VARIABLES, VARIABLES } from './variables.js';

/*
 * package.list.sh printed packages, mostly some if a switch was on. What it can print is read from its text: a script that
 * runs to name packages would make them depend on the machine it runs on.
 */

/** Terms that must all hold, as `conditional` has them. */
type Clause = readonly string[];

/** Clauses of which one must hold; none of them for what never holds, an empty clause for what always does. */
type Condition = readonly Clause[];

const ALWAYS: Condition = [[]];

/** Packages that a script prints under a condition. */
export interface PrintedPackages {
  readonly when: Clause;
  readonly packages: readonly string[];
}

/** Reads a package script. What it does beyond printing words under conditions on variables is told, with its line. */
export function readPackageScript(
  text: string,
  file: string,
  own: ReadonlyMap<string, Variable>,
): { readonly printed: readonly PrintedPackages[]; readonly notes: readonly Note[] } {
  const printed: PrintedPackages[] = [];
  const notes: Note[] = [];
  /** Of each open `if`: what holds in this branch, and what in none of the branches so far; undefined cannot be told. */
  const open: { branch: Condition | undefined; none: Condition | undefined; outer: Condition | undefined }[] = [];
  const current = (): Condition | undefined => {
    const inner = open.at(-1);
    return inner === undefined ? ALWAYS : inner.branch && inner.outer && both(inner.outer, inner.branch);
  };
  const lost = (line: number, message: string): void => {
    notes.push(noteAt(file, line, 'lost', message, 'name these packages under conditional in collection.yaml'));
  };
  const print = (line: number, words: string, extra: Condition = ALWAYS): void => {
    const condition = current();
    const packages = printedWords(words);
    if (packages === undefined) lost(line, `what this prints is not in its text: ${words}`);
    else if (condition !== undefined) {
      for (const when of both(condition, extra))
        if (packages.length > 0) printed.push({ when, packages: [...packages] });
    }
  };
  const branch = (line: number, test: string): Condition | undefined => {
    const condition = readCondition(test, own);
    if (condition === undefined) lost(line, `this condition cannot be expressed: ${test}`);
    return condition;
  };
  for (const { line, text: statement } of statements(text)) {
    const [, keyword = '', rest = ''] = /^(if|elif|then|else|fi)?\s*(.*)$/.exec(statement) ?? [];
    const top = open.at(-1);
    if (keyword === 'if') {
      const condition = branch(line, rest);
      open.push({ branch: condition, none: condition && negated(condition), outer: current() });
    } else if (keyword === 'elif' && top !== undefined) {
      const condition = branch(line, rest);
      top.branch = condition && top.none && both(top.none, condition);
      top.none = condition && top.none && both(top.none, negated(condition));
    } else if (keyword === 'else' && top !== undefined) top.branch = top.none;
    else if (keyword === 'fi') open.pop();
    if (keyword === 'if' || keyword === 'elif' || rest === '' || /^(:|set|exit( 0)?|\.|umask)(\s|$)/.test(rest))
      continue;
    const [, test, output = ''] = /^(?:(.*?)\s*&&\s*)?((?:echo|printf)\s.*)$/.exec(rest) ?? [];
    if (output === '') lost(line, `this is not understood: ${rest}`);
    else if (test === undefined) print(line, output);
    else {
      const condition = branch(line, test);
      if (condition !== undefined) print(line, output, condition);
    }
  }
  return { printed, notes };
}

interface Statement {
  readonly line: number;
  readonly text: string;
}

/** Simple commands, one by one; here documents of `cat` become an `echo`. */
function statements(text: string): Statement[] {
  const result: Statement[] = [];
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    let content = lines[at] ?? '';
    while (content.endsWith('\\') && at + 1 < lines.length) content = content.slice(0, -1) + (lines[++at] ?? '');
    const [, before = '', quote = '', mark] = /^(.*?)\bcat\s*<<-?\s*(["']?)(\w+)\2\s*$/.exec(content) ?? [];
    if (mark !== undefined) {
      const body: string[] = [];
      while (at + 1 < lines.length && (lines[at + 1] ?? '').trim() !== mark) body.push(lines[++at] ?? '');
      at += 1;
      content = `${before}echo ${quote === '' ? body.join(' ') : `'${body.join(' ')}'`}`;
    }
    for (const part of content.replace(/(^|\s)#.*$/, '').split(/;|(?<=\b(?:then|else))\s/)) {
      const trimmed = part.trim();
      if (trimmed !== '') result.push({ line, text: trimmed });
    }
  }
  return result;
}

/** The words that `echo` or `printf '%s\n'` print; undefined when they are not in the text. */
function printedWords(command: string): string[] | undefined {
  const body = command.replace(/^printf\s+(?:'[^']*'|"[^"]*"|\S+)\s*/, '').replace(/^echo\s+(?:-n\s+)?/, '');
  if (/[$`*?|<>&()]/.test(body)) return undefined;
  return body
    .replaceAll(/["'\\]/g, ' ')
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => word.replace(/^\+/, ''));
}

function readCondition(text: string, own: ReadonlyMap<string, Variable>): Condition | undefined {
  const either = text.split('||').map((part) => part.split('&&').map((test) => readTest(test.trim(), own)));
  const clauses = either.map((tests) =>
    tests.reduce<Condition | undefined>((all, test) => all && test && both(all, test), ALWAYS),
  );
  return clauses.some((clause) => clause === undefined) ? undefined : clauses.flatMap((clause) => clause ?? []);
}

function readTest(text: string, own: ReadonlyMap<string, Variable>): Condition | undefined {
  if (text.startsWith('! ')) {
    const inner = readTest(text.slice(2).trim(), own);
    return inner && negated(inner);
  }
  const [, helper, list = ''] = /^(feat_all|feat_any|feat_not_all)\s+(.*)$/.exec(text) ?? [];
  if (helper !== undefined) {
    const terms = list.split(/\s+/).map((word) => termOf(word, '1', own));
    if (terms.includes(undefined)) return undefined;
    const known = terms.flatMap((term) => term ?? []);
    if (helper === 'feat_any') return known.map((term) => [term]);
    return helper === 'feat_all' ? [known] : negated([known]);
  }
  const [, inside = ''] = /^(?:\[\[?|test)\s+(.*?)\s*(?:\]\]?)?$/.exec(text) ?? [];
  const [, left, operator, right = ''] = /^(\S+)\s+(=|==|!=|-eq|-ne)\s+(\S+)$/.exec(inside) ?? [];
  if (left !== undefined) {
    const term = termOf(left, unquoted(right), own);
    if (term === undefined) return undefined;
    return operator === '!=' || operator === '-ne' ? negated([[term]]) : [[term]];
  }
  const [, kind, word = ''] = /^(-n|-z)\s+(\S+)$/.exec(inside) ?? [];
  const option = kind === undefined ? undefined : optionOf(word, own);
  return option?.kind === 'text' ? [[kind === '-n' ? option.name : `!${option.name}`]] : undefined;
}

/** The term for a variable that has a value. */
function termOf(word: string, value: string, own: ReadonlyMap<string, Variable>): string | undefined {
  const option = optionOf(word, own);
  if (option === undefined || value.includes('$')) return undefined;
  if (option.kind === 'text') return value === '' ? `!${option.name}` : `${option.name}=${value}`;
  return value === '1' ? option.name : value === '0' || value === '' ? `!${option.name}` : undefined;
}

function optionOf(
  word: string,
  own: ReadonlyMap<string, Variable>,
): { name: string; kind: 'flag' | 'text' } | undefined {
  const name = /^\$\{?(\w+)(?::?-[01]?)?\}?$/.exec(unquoted(word))?.[1] ?? '';
  const key = PROFILE_VARIABLES[name]?.key;
  if (key === 'suite' || key === 'architecture') return { name: key, kind: 'text' };
  const variable = own.get(name) ?? VARIABLES[name];
  const [option] = variable?.options ?? [];
  return option === undefined || variable?.test === undefined ? undefined : { name: option, kind: variable.test };
}

function unquoted(word: string): string {
  return word.replace(/^(["'])(.*)\1$/, '$2');
}

function both(a: Condition, b: Condition): Condition {
  return a.flatMap((left) => b.map((right) => [...new Set([...left, ...right])]));
}

function negated(condition: Condition): Condition {
  return condition.reduce<Condition>(
    (all, clause) =>
      both(
        all,
        clause.map((term) => [term.startsWith('!') ? term.slice(1) : `!${term}`]),
      ),
    ALWAYS,
  );
}
