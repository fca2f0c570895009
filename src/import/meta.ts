import { noteAt, type Note } from './note.js';
import { wordsOf } from './variable.js';

/** What the `meta` of a collection of the predecessor says. */
export interface Meta {
  readonly depends: readonly string[];
  readonly wants: readonly string[];
  readonly after: readonly string[];
  /** After all that do not say so themselves. */
  readonly late: boolean;
  readonly virtual: boolean;
  readonly notes: readonly Note[];
}

/** Reads a `meta`: an INI file with one section, `[collection]`. */
export function readMeta(text: string, file: string): Meta {
  const notes: Note[] = [];
  const values = new Map<string, string>();
  let section = '';
  let key = '';
  for (const [index, line] of text.split('\n').entries()) {
    const heading = /^\[(.*)\]\s*$/.exec(line);
    if (heading !== null) [section, key] = [heading[1] ?? '', ''];
    if (heading !== null || /^\s*(?:[#;].*)?$/.test(line) || section !== 'collection') continue;
    const [, name, value = ''] = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (/^\s/.test(line) && key !== '') values.set(key, `${values.get(key) ?? ''} ${line.trim()}`);
    else if (name === undefined) notes.push(noteAt(file, index + 1, 'lost', 'neither KEY = VALUE nor a section'));
    else {
      key = name.toLowerCase();
      values.set(key, value);
      if (!['depends', 'wants', 'after', 'virtual'].includes(key)) {
        notes.push(noteAt(file, index + 1, 'lost', `the key ${name} is not known`));
      }
    }
  }
  if (!/^\[collection\]/m.test(text)) {
    notes.push(noteAt(file, 1, 'told', 'there is no section [collection], so it depends on nothing, as before'));
  }
  const list = (name: string): string[] => wordsOf(values.get(name) ?? '');
  return {
    depends: list('depends').filter((name) => name !== '*'),
    wants: list('wants'),
    after: list('after').filter((name) => name !== '*'),
    late: [...list('after'), ...list('depends')].includes('*'),
    virtual: /^(1|yes|true|on)$/i.test((values.get('virtual') ?? '').trim()),
    notes,
  };
}
