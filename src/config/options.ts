import type { Path } from './document.js';
import type { FieldDeclaration, PlainDeclaration } from './declarations.js';
import { nearest } from './suggest.js';
import { textFault, textRule } from './text-formats.js';
import { timezoneFault } from './timezone.js';
import type { OptionValue } from './types.js';

/** Something wrong inside the value of an option; the path starts at the value. */
export interface Fault {
  readonly path: Path;
  readonly message: string;
  readonly hint?: string;
}

export type Checked<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly faults: readonly Fault[] };

type RecordValue = Readonly<Record<string, string | readonly string[]>>;

/** Checks a value as read from YAML against the declaration of its option and brings it into its final form. */
export function checkValue(declaration: PlainDeclaration, raw: unknown): Checked<OptionValue> {
  switch (declaration.type) {
    case 'boolean':
      return checkBoolean(raw);
    case 'integer':
      return checkInteger(declaration, raw);
    case 'string':
      return checkString(declaration, raw);
    case 'enum':
      return checkEnum(declaration, raw);
    case 'size':
      return checkSize(raw);
    case 'timezone':
      return checkTimezone(raw);
    case 'list':
      return checkList(declaration, raw);
    case 'records':
      return checkRecords(declaration.fields, raw);
  }
}

/** The value of an option that nobody sets. */
export function defaultValue(declaration: PlainDeclaration): OptionValue {
  switch (declaration.type) {
    case 'string':
      return declaration.default ?? '';
    case 'list':
      return declaration.default ?? [];
    case 'records': {
      const checked = checkRecords(declaration.fields, declaration.default ?? []);
      return checked.ok ? checked.value : [];
    }
    default:
      return declaration.default;
  }
}

/** Reads the value of `--set name=text` by the declaration: lists have commas or line ends, or are JSON as records are. */
export function parseText(declaration: PlainDeclaration, text: string): Checked<OptionValue> {
  switch (declaration.type) {
    case 'boolean':
      return checkBoolean(text === 'true' ? true : text === 'false' ? false : text);
    case 'integer':
      return checkInteger(declaration, /^[+-]?[0-9]+$/.test(text) ? Number(text) : text);
    case 'list': {
      if (text.startsWith('[')) return checkJson(declaration, text);
      const items = text.split(/[,\n]/).map((item) => item.trim());
      return checkValue(
        declaration,
        items.filter((item) => item !== ''),
      );
    }
    case 'records':
      return checkJson(declaration, text);
    default:
      return checkValue(declaration, text);
  }
}

function checkJson(declaration: PlainDeclaration, text: string): Checked<OptionValue> {
  try {
    return checkValue(declaration, JSON.parse(text));
  } catch {
    return fault('is neither a list separated by commas nor a JSON list');
  }
}

/** Name of the environment variable that hooks see: `login.authorizedKeys` → `OPT_LOGIN_AUTHORIZED_KEYS`. */
export function optionEnvName(name: string): string {
  const words = name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z])([A-Z][a-z])/g, '$1_$2');
  return `OPT_${words.replace(/[.-]/g, '_').toUpperCase()}`;
}

/** The value in the environment of hooks: lists one item a line, records one JSON document a line. */
export function optionEnvValue(value: OptionValue): string {
  if (typeof value === 'object') {
    return value.map((item) => (typeof item === 'string' ? item : JSON.stringify(item))).join('\n');
  }
  return String(value);
}

function fault(message: string, hint?: string): { ok: false; faults: Fault[] } {
  return { ok: false, faults: [hint === undefined ? { path: [], message } : { path: [], message, hint }] };
}

/** What YAML gave, in the words of the message `expected …, found …`. */
export function describe(raw: unknown): string {
  if (raw === null || raw === undefined) return 'nothing';
  if (Array.isArray(raw)) return 'a list';
  if (typeof raw === 'object') return 'a mapping';
  if (typeof raw === 'string') return `the text ${JSON.stringify(raw)}`;
  return `${typeof raw === 'boolean' ? 'the boolean' : 'the number'} ${JSON.stringify(raw)}`;
}

function checkBoolean(raw: unknown): Checked<boolean> {
  if (typeof raw === 'boolean') return { ok: true, value: raw };
  // YAML 1.2 knows only true and false; the words of YAML 1.1 arrive as text.
  const meant =
    typeof raw === 'string' || typeof raw === 'number' ? BOOLEAN_WORDS.get(String(raw).toLowerCase()) : undefined;
  return fault(
    `expected true or false, found ${describe(raw)}`,
    meant === undefined ? undefined : `write ${meant}, without quotes`,
  );
}

const BOOLEAN_WORDS = new Map([
  ...['yes', 'on', 'true', '1'].map((word) => [word, 'true'] as const),
  ...['no', 'off', 'false', '0'].map((word) => [word, 'false'] as const),
]);

function checkInteger(range: { min?: number | undefined; max?: number | undefined }, raw: unknown): Checked<number> {
  if (typeof raw !== 'number' || !Number.isSafeInteger(raw))
    return fault(`expected a whole number, found ${describe(raw)}`);
  if (range.min !== undefined && raw < range.min) return fault(`must be at least ${String(range.min)}`);
  if (range.max !== undefined && raw > range.max) return fault(`must be at most ${String(range.max)}`);
  return { ok: true, value: raw };
}

function checkText(raw: unknown): Checked<string> {
  if (typeof raw === 'string') {
    return raw.includes('\0') ? fault('must not contain a NUL character') : { ok: true, value: raw };
  }
  const quotable = typeof raw === 'number' || typeof raw === 'boolean';
  return fault(`expected text, found ${describe(raw)}`, quotable ? `write '${String(raw)}', with quotes` : undefined);
}

function checkString(declaration: FieldDeclaration & { type: 'string' }, raw: unknown): Checked<string> {
  const text = checkText(raw);
  // '' as the default means "not set": pattern and format describe only what may be set.
  if (!text.ok || text.value === (declaration.default ?? '')) return text;
  const message = textFault(textRule(declaration), text.value);
  return message === undefined ? text : fault(message);
}

function checkEnum(rule: { values: readonly string[] }, raw: unknown): Checked<string> {
  // What is written without quotes may be a number for YAML.
  const text = typeof raw === 'number' ? String(raw) : raw;
  if (typeof text === 'string' && rule.values.includes(text)) return { ok: true, value: text };
  const near = typeof raw === 'string' ? nearest(raw, rule.values) : undefined;
  return fault(
    `${typeof raw === 'string' ? JSON.stringify(raw) : describe(raw)} is not one of ${rule.values.join(', ')}`,
    near === undefined ? undefined : `did you mean "${near}"?`,
  );
}

/** `120m`, `1.5G` or plain bytes, in powers of 1024; or a share, `20%`. */
export const SIZE_PATTERN = '^(?:[0-9]+(?:\\.[0-9]+)?[kKmMgGtT]?|(?:100|[0-9]{1,2})%)$';

function checkSize(raw: unknown): Checked<string> {
  const text = typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= 0 ? String(raw) : raw;
  if (typeof text !== 'string') return fault(`expected a size such as 120m, 1G or 20%, found ${describe(raw)}`);
  if (!new RegExp(SIZE_PATTERN).test(text))
    return fault(`${JSON.stringify(text)} is not a size such as 120m, 1G or 20%`);
  return { ok: true, value: text };
}

function checkTimezone(raw: unknown): Checked<string> {
  const text = checkText(raw);
  // '' leaves the time zone alone.
  const found = text.ok && text.value !== '' ? timezoneFault(text.value) : undefined;
  return found === undefined ? text : fault(found.message, found.hint);
}

function checkList(declaration: FieldDeclaration & { type: 'list' }, raw: unknown): Checked<readonly string[]> {
  if (!Array.isArray(raw)) return fault(`expected a list, found ${describe(raw)}`, singleItemHint(raw));
  const faults: Fault[] = [];
  const value: string[] = [];
  for (const [index, item] of raw.entries()) {
    const text = checkText(item);
    if (!text.ok) faults.push(...text.faults.map((found) => ({ ...found, path: [index] })));
    // Hooks get lists one item a line.
    else if (text.value.includes('\n')) faults.push({ path: [index], message: 'must be a single line' });
    else {
      const message = textFault(textRule(declaration), text.value);
      if (message === undefined) value.push(text.value);
      else faults.push({ path: [index], message });
    }
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, value };
}

function singleItemHint(raw: unknown): string | undefined {
  return typeof raw === 'string' || typeof raw === 'number' ? `write [${String(raw)}]` : undefined;
}

function checkRecords(
  fields: Readonly<Record<string, FieldDeclaration>>,
  raw: unknown,
): Checked<readonly RecordValue[]> {
  if (!Array.isArray(raw)) return fault(`expected a list of mappings, found ${describe(raw)}`);
  const faults: Fault[] = [];
  const value: RecordValue[] = [];
  for (const [index, item] of raw.entries()) {
    const record = checkRecord(fields, item);
    if (record.ok) value.push(record.value);
    else faults.push(...record.faults.map((found) => ({ ...found, path: [index, ...found.path] })));
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, value };
}

function checkRecord(fields: Readonly<Record<string, FieldDeclaration>>, raw: unknown): Checked<RecordValue> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    return fault(`expected a mapping with ${Object.keys(fields).join(', ')}, found ${describe(raw)}`);
  }
  const given = new Map<string, unknown>(Object.entries(raw));
  const faults: Fault[] = [];
  for (const key of given.keys()) {
    if (Object.hasOwn(fields, key)) continue;
    const near = nearest(key, Object.keys(fields));
    const message = `unknown field "${key}"`;
    faults.push(
      near === undefined ? { path: [key], message } : { path: [key], message, hint: `did you mean "${near}"?` },
    );
  }
  const value: Record<string, string | readonly string[]> = {};
  for (const [key, field] of Object.entries(fields)) {
    if (!given.has(key)) {
      if (field.required === true) faults.push({ path: [], message: `missing field "${key}"` });
      else value[key] = emptyField(field);
      continue;
    }
    const checked = checkField(field, given.get(key));
    if (checked.ok) value[key] = typeof checked.value === 'object' ? checked.value : String(checked.value);
    else faults.push(...checked.faults.map((found) => ({ ...found, path: [key, ...found.path] })));
  }
  return faults.length > 0 ? { ok: false, faults } : { ok: true, value };
}

function checkField(field: FieldDeclaration, raw: unknown): Checked<boolean | number | string | readonly string[]> {
  switch (field.type) {
    case 'boolean':
      return checkBoolean(raw);
    case 'integer':
      return checkInteger(field, raw);
    case 'string':
      return checkString(field, raw);
    case 'enum':
      return checkEnum(field, raw);
    case 'list':
      return checkList(field, raw);
  }
}

/** Fields that were left out are there all the same, so that hooks need not ask for them. */
function emptyField(field: FieldDeclaration): string | readonly string[] {
  if (field.type === 'list') return field.default ?? [];
  if (field.type === 'boolean') return String(field.default ?? false);
  return String(field.default ?? '');
}
