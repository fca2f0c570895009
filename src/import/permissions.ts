import { noteAt, type Note } from './note.js';

/** An entry of `permissions` in a collection.yaml. */
export interface PermissionEntry {
  readonly path: string;
  readonly mode?: string;
  readonly owner?: string;
}

/**
 * Reads a permtab: `TYPE MODE OWNER PATH` in each line, `-` to leave one alone. Entries for what lies in the overlay become
 * permissions of the collection; for the rest of the image there is a hook, '' when nothing needs one.
 */
export function readPermissions(
  text: string,
  file: string,
  inOverlay: (path: string) => boolean,
): { readonly entries: readonly PermissionEntry[]; readonly hook: string; readonly notes: readonly Note[] } {
  const entries: PermissionEntry[] = [];
  const commands: string[] = [];
  const notes: Note[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(?:#.*)?$/.test(line)) continue;
    const [, type = '', mode = '', owner = '', shown = ''] = /^\s*(\S+)\s+(\S+)\s+(\S+)\s+(.*?)\s*$/.exec(line) ?? [];
    if (!/^[fdD]$/.test(type) || shown === '') {
      notes.push(noteAt(file, index + 1, 'lost', 'is not TYPE MODE OWNER PATH, with a type of f, d or D'));
      continue;
    }
    const path = shown.replace(/^\/+|\/+$/g, '');
    const entry = {
      path,
      ...(/^[0-7]{3,4}$/.test(mode) ? { mode } : {}),
      ...(owner === '-' ? {} : { owner: owner.includes(':') ? owner : `${owner}:root` }),
    };
    const fits = mode === '-' || entry.mode !== undefined;
    const named = entry.owner === undefined || /^[a-z0-9_][a-z0-9_-]*:[a-z0-9_][a-z0-9_-]*$/.test(entry.owner);
    if (mode === '-' && owner === '-' && type !== 'D') continue;
    if (inOverlay(path) && fits && named && (mode !== '-' || owner !== '-')) {
      entries.push(entry);
      continue;
    }
    const target = quoted(`/${path}`);
    if (type === 'D') commands.push(`in_target mkdir -p ${target}`);
    if (owner !== '-') commands.push(`in_target chown -h ${quoted(owner)} ${target}`);
    if (mode !== '-') commands.push(`in_target chmod ${quoted(mode)} ${target}`);
  }
  const head = '# shellcheck shell=sh\n# Made by imgbuild import: permissions of what is not in the overlay.\n';
  return { entries, hook: commands.length === 0 ? '' : `${head}${commands.join('\n')}\n`, notes };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
