import path from 'node:path';

import type { DeclaredOption } from './collection.js';
import { isMapping, problemAt, type Located, type Source } from './document.js';
import type { Problem } from '../errors.js';
import { parseText } from './options.js';
import { foreignProblem, type OptionTable } from './resolve-layers.js';
import { finishValue, type Reading } from './resolve-sources.js';
import { nearest } from './suggest.js';
import type { OptionValue, SecretSource } from './types.js';

/** Where secrets can come from; on the command line only from the last three. */
const SECRET_KEYS = ['value', 'env', 'file', 'command'] as const;

const SECRET_FORMS = 'a secret is text, { env: NAME }, { file: PATH } or { command: COMMAND }';

/** Reads where a secret comes from; relative files are taken from `directory`. Never repeats the value in a message. */
export function readSecretSource(
  at: Located<unknown>,
  directory: string,
  problems: Problem[],
): SecretSource | undefined {
  const { value, source } = at;
  if (typeof value === 'string' && value !== '') return { value };
  if (!isMapping(value)) {
    const hint = typeof value === 'number' ? { hint: 'put it in quotes' } : {};
    problems.push(problemAt(source, at.path, SECRET_FORMS, hint));
    return undefined;
  }
  const [key, ...more] = Object.keys(value);
  const kind = SECRET_KEYS.find((name) => name === key);
  if (kind === undefined || more.length > 0) {
    const near = kind === undefined && key !== undefined ? nearest(key, SECRET_KEYS) : undefined;
    problems.push(
      problemAt(source, at.path, SECRET_FORMS, near === undefined ? {} : { hint: `did you mean "${near}"?` }),
    );
    return undefined;
  }
  const text = value[kind];
  if (typeof text !== 'string' || text === '') {
    problems.push(problemAt(source, [...at.path, kind], `expected text for ${kind}`));
    return undefined;
  }
  return secretSource(kind, text, directory);
}

function secretSource(kind: (typeof SECRET_KEYS)[number], text: string, directory: string): SecretSource {
  switch (kind) {
    case 'value':
      return { value: text };
    case 'env':
      return { env: text };
    case 'file':
      return { file: path.resolve(directory, text) };
    case 'command':
      return { command: text };
  }
}

/** A `--set name=text` argument as a source of its own: it has no lines. */
export function argumentSource(name: string): Source {
  return { file: `--set ${name}`, value: undefined, checked: true, show: () => '', place: () => ({ line: 0, col: 0 }) };
}

/** What an option is to become. */
export type Assignment =
  | { readonly option: DeclaredOption; readonly value: OptionValue }
  | { readonly option: DeclaredOption; readonly secret: SecretSource };

/** Reads a `--set name=text` argument by the declaration of the option. */
export function readSet(
  table: OptionTable,
  argument: string,
  reading: Reading,
  problems: Problem[],
): Assignment | undefined {
  const equals = argument.indexOf('=');
  const name = (equals < 0 ? argument : argument.slice(0, equals)).trim();
  const reject = (fault: { message: string; hint?: string }): void => {
    problems.push(
      problemAt(argumentSource(name), [], fault.message, fault.hint === undefined ? {} : { hint: fault.hint }),
    );
  };
  const option = table.declared.get(name);
  if (equals < 0) {
    reject({ message: 'expected name=value' });
  } else if (option === undefined) {
    const problem = foreignProblem(table, { lenient: false }, name);
    if (problem !== undefined) reject(problem);
  } else if (option.declaration?.type === 'secret') {
    const secret = secretArgument(argument.slice(equals + 1), reading.directory);
    if (secret !== undefined) return { option, secret };
    reject({
      message: 'a secret does not belong on the command line',
      hint: `write --set ${name}=env:NAME, file:PATH or command:COMMAND`,
    });
  } else if (option.declaration !== undefined) {
    const checked = finishValue(name, parseText(option.declaration, argument.slice(equals + 1)), reading);
    if (checked.ok) return { option, value: checked.value };
    checked.faults.forEach(reject);
  }
  return undefined;
}

/** Arguments are seen by every user of the machine (ps) and kept in the shell's history, so only sources are taken. */
function secretArgument(text: string, cwd: string): SecretSource | undefined {
  const match = /^(env|file|command):(.+)$/s.exec(text);
  const kind = SECRET_KEYS.find((key) => key === match?.[1]);
  return kind === undefined ? undefined : secretSource(kind, match?.[2] ?? '', cwd);
}
