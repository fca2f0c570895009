import type { z } from 'zod';

import { isMapping, problemAt, valueAt, type Path, type Source } from './document.js';
import type { Problem } from '../errors.js';
import { didYouMean, nearest } from './suggest.js';

type Issue = z.core.$ZodIssue;

/** Everything in a source that its schema does not allow; nothing when it was found good before. */
export function schemaProblems(source: Source, schema: () => z.ZodType): Problem[] {
  if (source.checked) return [];
  const parsed = schema().safeParse(source.value);
  return parsed.success ? [] : parsed.error.issues.flatMap((issue) => issueProblems(source, schema(), issue, []));
}

function issueProblems(source: Source, schema: z.ZodType, issue: Issue, before: Path): Problem[] {
  const path = [...before, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  const value = valueAt(source, path);
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(schema, path).filter((key) => valueAt(source, [...path, key]) === undefined);
      return issue.keys.map((key) =>
        problemAt(source, [...path, key], `unknown key "${key}"`, { part: 'key', ...didYouMean(key, known) }),
      );
    }
    case 'invalid_type':
      if (value === undefined && path.length > 0) return [missingKey(source, path)];
      return [problemAt(source, path, typeMessage(issue, value))];
    case 'invalid_value': {
      if (value === undefined && path.length > 0) return [missingKey(source, path)];
      const values = issue.values.map(String);
      const near = typeof value === 'string' ? nearest(value, values) : undefined;
      const message = `${JSON.stringify(value)} is not one of ${values.join(', ')}`;
      return [problemAt(source, path, message, near === undefined ? {} : { hint: `did you mean "${near}"?` })];
    }
    case 'invalid_key':
    case 'invalid_element':
      return issue.issues.flatMap((inner) => issueProblems(source, schema, inner, path));
    case 'invalid_union': {
      // Of alternatives without a message of their own, the one that is of the value's kind tells what is wrong.
      const meant = issue.errors.find(
        (issues) => !issues.some(({ code, path: at }) => at.length === 0 && code === 'invalid_type'),
      );
      if (meant === undefined || !issue.message.startsWith('Invalid input')) break;
      return meant.flatMap((inner) => issueProblems(source, schema, inner, path));
    }
    case 'too_small':
      if (issue.origin === 'array') return [problemAt(source, path, 'must have at least one entry')];
      return [problemAt(source, path, issue.message)];
    default:
  }
  if (value === undefined && path.length > 0) return [missingKey(source, path)];
  return [problemAt(source, path, issue.message)];
}

function missingKey(source: Source, path: Path): Problem {
  return problemAt(source, path.slice(0, -1), `missing key "${String(path.at(-1))}"`);
}

/** Schemas that give a message of their own instead of zod's are marked by not beginning with its words. */
function typeMessage(issue: Issue & { code: 'invalid_type' }, value: unknown): string {
  if (!issue.message.startsWith('Invalid input')) return issue.message;
  return `expected ${EXPECTED[issue.expected] ?? `a ${issue.expected}`}, found ${kindOf(value)}`;
}

const EXPECTED: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  string: 'text',
  int: 'a whole number',
  boolean: 'true or false',
};

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (isMapping(value)) return 'a mapping';
  return typeof value === 'string' ? 'text' : `the ${typeof value} ${JSON.stringify(value)}`;
}

/** Keys that the schema allows in the mapping at `path`; for hints, so a union gives those of all its members. */
function knownKeys(schema: z.core.$ZodType, path: Path): string[] {
  const definition = (schema as z.core.$ZodTypes)._zod.def;
  const [first, ...rest] = path;
  switch (definition.type) {
    case 'optional':
      return knownKeys(definition.innerType, path);
    case 'union':
      return definition.options.flatMap((option) => knownKeys(option, path));
    case 'array':
      return first === undefined ? [] : knownKeys(definition.element, rest);
    case 'record':
      return first === undefined ? [] : knownKeys(definition.valueType, rest);
    case 'object': {
      if (first === undefined) return Object.keys(definition.shape);
      const inner = definition.shape[String(first)];
      return inner === undefined ? [] : knownKeys(inner, rest);
    }
    default:
      return [];
  }
}
