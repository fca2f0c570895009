import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { sha256 } from '../digest.js';
import type { Problem } from '../errors.js';
import { isMapping, knownYaml, parseYaml, type Source } from './document.js';

/** Reads yaml files, and those that were good the last time without parsing and checking them again. */
export interface YamlReader {
  readonly read: (text: string, file: string, problems: Problem[]) => Source;
  /** Remembers files that proved good. Never to be called with one that holds a secret. */
  readonly remember: (sources: readonly Source[]) => void;
}

/** More than anybody has; beyond it what was not used just now is forgotten. */
const LIMIT = 500;

/**
 * A reader that keeps values in `<directory>/config.json`, by the digest of the text. Without a directory it just
 * parses. The file is never needed: when it is missing, broken or cannot be written, all is as without it.
 */
export function openYamlReader(directory: string | undefined): YamlReader {
  if (directory === undefined) return { read: parseYaml, remember: () => undefined };
  const file = path.join(directory, 'config.json');
  const rules = rulesDigest();
  const known = readKnown(file, rules);
  const digests = new WeakMap<Source, string>();
  return {
    read: (text, name, problems) => {
      const digest = sha256(text);
      const value = known.get(digest);
      const source = value === undefined ? parseYaml(text, name, problems) : knownYaml(text, name, value);
      digests.set(source, digest);
      return source;
    },
    remember: (sources) => {
      const fresh = sources.filter((source) => !source.checked);
      if (fresh.length === 0) return;
      const entries = new Map(known.size + fresh.length > LIMIT ? [] : known);
      for (const source of sources) {
        const digest = digests.get(source);
        if (digest !== undefined) entries.set(digest, source.value);
      }
      writeKnown(file, JSON.stringify({ rules, values: Object.fromEntries(entries) }));
    },
  };
}

function readKnown(file: string, rules: string): Map<string, unknown> {
  try {
    const stored: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (isMapping(stored) && stored['rules'] === rules && isMapping(stored['values'])) {
      return new Map(Object.entries(stored['values']));
    }
  } catch {
    // Missing or broken: it will be written anew.
  }
  return new Map();
}

function writeKnown(file: string, text: string): void {
  const aside = `${file}.${String(process.pid)}`;
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(aside, text);
    renameSync(aside, file);
  } catch {
    // A cache that cannot be written is slower, not wrong.
  }
}

/** What is good depends on the rules: other schemas, other values of this. */
function rulesDigest(): string {
  const self = fileURLToPath(import.meta.url);
  const rules = ['schema', 'declarations', 'options', 'collection', 'document'];
  const texts = rules.map((name) => readFileSync(new URL(`../config/${name}${path.extname(self)}`, import.meta.url)));
  return sha256(texts.map((text) => sha256(text)).join(' '));
}
