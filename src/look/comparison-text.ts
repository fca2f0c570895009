import { formatBytes } from '../units.js';
import type { Entry } from '../verify/facts.js';
import { attributesText, type Comparison, type FileChange, type PackageChange, type Pair } from './compare.js';

/** A comparison as lines for people: `-` stands before what only A has, `+` before what only B has. */
export function comparisonLines(a: string, b: string, comparison: Comparison): string[] {
  const { same, packages, units, storage, boot, files, identities, sizes } = comparison;
  const lines = [
    `--- ${a}`,
    `+++ ${b}`,
    ...section('Packages', packages.map(packageLine)),
    ...section('Units', [...units.removed.map((unit) => `- ${unit}`), ...units.added.map((unit) => `+ ${unit}`)]),
    ...section('Storage', storage.flatMap(pairLines)),
    ...section('Boot files', fileLines(boot)),
    ...section('Files', fileLines(files)),
    ...section('Identities, which are to differ', identities.map(pairLine)),
    ...section('Sizes', sizes.map(sizeLine)),
    ...(same ? ['', identities.length > 0 ? 'Nothing differs but identities.' : 'Nothing differs.'] : []),
  ];
  // Names and texts in an image are anybody's: none may steer the terminal.
  return lines.map((line) => line.replaceAll(/[^\P{Cc}\t]/gu, '?'));
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', `${title}:`, ...lines.map((line) => `  ${line}`)];
}

function packageLine({ name, a, b }: PackageChange): string {
  if (a === undefined) return `+ ${name} ${b ?? ''}`;
  return b === undefined ? `- ${name} ${a}` : `~ ${name} ${a} → ${b}`;
}

function pairLines({ what, a, b }: Pair): string[] {
  if (a === '') return [`+ ${what}: ${b}`];
  return b === '' ? [`- ${what}: ${a}`] : [`~ ${what}: ${a} → ${b}`];
}

function pairLine({ what, a, b }: Pair): string {
  return a === '' && b === '' ? what : `${what}: ${a || 'none'} → ${b || 'none'}`;
}

function sizeLine({ what, a, b }: Pair): string {
  const difference = Number(b) - Number(a);
  const sign = difference < 0 ? '-' : '+';
  return `${what}: ${formatBytes(Number(a))} → ${formatBytes(Number(b))} (${sign}${formatBytes(Math.abs(difference))})`;
}

function fileLines(changes: readonly FileChange[]): string[] {
  const whole = wholeDirectories(changes);
  return changes.flatMap((change) => {
    const { path, change: how } = change;
    const sum = whole.get(path);
    if (how !== 'changed') {
      const parents = path.split('/').slice(0, -1);
      if (parents.some((_, n) => whole.has(parents.slice(0, n + 1).join('/')))) return [];
      const entry = change.a ?? change.b;
      const sign = how === 'added' ? '+' : '-';
      if (sum !== undefined) return [`${sign} /${path}/ (${String(sum.files)} files, ${formatBytes(sum.bytes)})`];
      return [`${sign} /${path}${entry?.kind === 'directory' ? '/' : ''}${sizeOf(entry)}`];
    }
    const details = change.aspects.map((aspect) => detailOf(aspect, change)).join(', ');
    return [
      `~ /${path} (${details})`,
      ...(change.diff ?? '').split('\n').flatMap((line) => (line === '' ? [] : [`    ${line}`])),
    ];
  });
}

function sizeOf(entry: Entry | undefined): string {
  if (entry?.kind === 'symlink') return ` → ${entry.target ?? ''}`;
  return entry?.kind === 'file' ? ` (${formatBytes(entry.bytes)})` : '';
}

function detailOf(aspect: FileChange['aspects'][number], { a, b }: FileChange): string {
  if (a === undefined || b === undefined) return aspect;
  const mode = (entry: Entry): string => entry.mode.toString(8).padStart(4, '0');
  const owner = ({ uid, gid }: Entry): string => `${String(uid)}:${String(gid)}`;
  switch (aspect) {
    case 'kind':
      return `${a.kind} → ${b.kind}`;
    case 'mode':
      return `mode ${mode(a)} → ${mode(b)}`;
    case 'owner':
      return `owner ${owner(a)} → ${owner(b)}`;
    case 'target':
      return `→ ${a.target ?? ''}, now ${b.target ?? ''}`;
    case 'attributes':
      return `attributes ${attributesText(a) || 'none'} → ${attributesText(b) || 'none'}`;
    case 'content':
      return `content, ${formatBytes(a.bytes)} → ${formatBytes(b.bytes)}`;
  }
}

/** Directories that are there in one image alone, with all that is in them: they are named instead of their files. */
function wholeDirectories(changes: readonly FileChange[]): Map<string, { files: number; bytes: number }> {
  const whole = new Map<string, { files: number; bytes: number }>();
  for (const { path, change, a, b } of changes) {
    if (change !== 'changed' && (a ?? b)?.kind === 'directory') whole.set(path, { files: 0, bytes: 0 });
  }
  for (const { path, a, b } of changes) {
    const entry = a ?? b;
    if (entry === undefined || entry.kind === 'directory') continue;
    const parents = path.split('/').slice(0, -1);
    for (let n = 1; n <= parents.length; n += 1) {
      const sum = whole.get(parents.slice(0, n).join('/'));
      if (sum === undefined) continue;
      sum.files += 1;
      sum.bytes += entry.kind === 'file' ? entry.bytes : 0;
    }
  }
  return whole;
}
