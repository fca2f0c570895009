import path from 'node:path';

import type { Checked, Fault } from './options.js';
import type { ResolveInput } from './resolve-input.js';
import type { OptionValue } from './types.js';

/** How a value is read that needs more than its declaration tells. */
export interface Reading {
  /** Where relative paths in the value start. */
  readonly directory: string;
  readonly readText: ResolveInput['readText'];
}

type SourceRecord = Readonly<Record<string, string | readonly string[]>>;

const ARMOR = '-----BEGIN PGP';

/** How a key begins that may be known: a private one must get neither into a plan nor into an image. */
const PUBLIC_KEY = `${ARMOR} PUBLIC KEY BLOCK-----`;

const KEY_FORMS = `a key begins with ${PUBLIC_KEY}, anything else is the path of a file with one`;

/** Finishes the checked value of an option: of archives, keys take the place of the files that hold them. */
export function finishValue(name: string, checked: Checked<OptionValue>, reading: Reading): Checked<OptionValue> {
  if (name !== 'apt.sources' || !checked.ok || !Array.isArray(checked.value)) return checked;
  const faults: Fault[] = [];
  const value = (checked.value as readonly SourceRecord[]).map((record, index) => {
    const report = (field: string, message: string, hint: string): void => {
      faults.push({ path: [index, field], message, hint });
    };
    checkComponents(record, report);
    return { ...record, key: readKey(record['key'], reading, report) };
  });
  return faults.length > 0 ? { ok: false, faults } : { ok: true, value };
}

/** Is this archive one without components, as `dpkg-scanpackages` and `apt-ftparchive` make them? */
export function isFlat(suites: readonly string[]): boolean {
  return suites.length > 0 && suites.every((suite) => suite.endsWith('/'));
}

type Report = (field: string, message: string, hint: string) => void;

function checkComponents({ suites = [], components = [] }: SourceRecord, report: Report): void {
  if (typeof suites === 'string' || components.length > 0 || isFlat(suites)) return;
  report('components', 'only archives whose suites are paths have no components', 'name some, or write suites: [./]');
}

/** The key in a value or in the file that it names. No message holds what a file holds, or a value that is a key. */
function readKey(value: SourceRecord[string] = '', { directory, readText }: Reading, report: Report): string {
  if (typeof value !== 'string' || value === '') return '';
  const text = value.trim();
  if (text.startsWith(ARMOR)) {
    if (!text.startsWith(PUBLIC_KEY))
      report('key', 'is armored, but not a public key', 'write gpg --armor --export ID');
    return text;
  }
  if (text.includes('\n')) {
    report('key', 'is neither an armored public key nor a path', KEY_FORMS);
    return '';
  }
  const file = path.resolve(directory, text);
  let content: string;
  try {
    content = readText(file).trim();
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    report('key', `the key file ${file} cannot be read (${code})`, KEY_FORMS);
    return '';
  }
  if (content.startsWith(PUBLIC_KEY)) return content;
  const convert = `gpg --no-default-keyring --keyring ${file} --armor --export makes one of a keyring`;
  report('key', `the file ${file} is not an armored public key`, convert);
  return '';
}
