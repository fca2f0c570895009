import { chmodSync, copyFileSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FileRef, OverlayEntry, Phase } from '../config/types.js';
import { CommandError } from '../errors.js';
import type { PhaseItem, Step } from '../plan/types.js';
import type { Context } from './context.js';
import { ONCE, type Memo } from './once.js';

/** Marks on a tool's output that are for us. */
const MARK = '@imgbuild';

export interface PhaseScript {
  /** `bash SCRIPT ROOT` runs the phase. */
  readonly path: string;
  readonly count: number;
}

/**
 * Writes a phase as a script: overlays are unpacked and hooks run in their order, each hook in a process of its own.
 *
 * One script for the whole phase, because entering namespaces and mounting costs as much as ten hooks.
 */
export function writePhase(
  context: Context,
  step: Extract<Step, { kind: 'phase' }>,
  epoch: number,
  mergedUsr: boolean,
  memo?: Memo,
): PhaseScript {
  const directory = join(context.work, 'phases', step.phase);
  mkdirSync(directory, { recursive: true });
  const scratch = join(context.work, 'scratch');
  mkdirSync(scratch, { recursive: true });
  const lines = ['set -euo pipefail', 'ROOT=$1', 'export ROOT', INSIDE, `cd ${quote(scratch)}`];
  step.items.forEach((item, index) => {
    const title = item.kind === 'overlay' ? `overlay of ${item.collection}` : `${item.collection}: ${item.name}`;
    lines.push(`echo ${quote(`${MARK} step ${step.phase} ${String(index + 1)} ${title}`)}`);
    if (item.kind === 'overlay')
      lines.push(...overlayLines(context, item.entries, join(directory, String(index)), epoch, mergedUsr));
    else lines.push(hookLine(context, item, join(directory, `${String(index)}.sh`), { epoch, scratch, memo }));
  });
  const path = join(directory, 'run.sh');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return { path, count: step.items.length };
}

/**
 * Runs a tool in the target's root directory, and inside the target as soon as it has the tool: an overlay below an
 * absolute link of the target must not end up outside.
 */
const INSIDE = `inside() {
  if [ -x "$ROOT/usr/bin/$1" ] || [ -x "$ROOT/bin/$1" ]; then chroot "$ROOT" "$@"; else (cd "$ROOT" && "$@"); fi
}`;

/** Directories that a merged-usr system has as links: https://wiki.debian.org/UsrMerge */
const MERGED = new Set(['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']);

function overlayLines(
  context: Context,
  entries: readonly OverlayEntry[],
  staging: string,
  epoch: number,
  mergedUsr: boolean,
): string[] {
  mkdirSync(staging, { recursive: true });
  const settings: string[] = [];
  for (const entry of entries) {
    const top = entry.path.split('/')[0] ?? '';
    const path = mergedUsr && MERGED.has(top) ? `usr/${entry.path}` : entry.path;
    const file = join(staging, path);
    mkdirSync(entry.kind === 'directory' ? file : dirname(file), { recursive: true, mode: 0o755 });
    if (entry.kind === 'file' && entry.source !== undefined) copyFileSync(resolveRef(context, entry.source), file);
    if (entry.kind === 'symlink') symlinkSync(entry.target ?? '', file);
    else chmodSync(file, entry.mode);
    lutimesSync(file, epoch, epoch);
    if (entry.owner !== undefined) settings.push(`inside chown -h ${quote(entry.owner)} ${quote(path)}`);
    // After chown, which takes setuid and setgid away; and for a directory that was there with another mode.
    const ordinary = entry.mode === 0o644 || entry.mode === 0o755;
    if (entry.kind !== 'symlink' && (entry.owner !== undefined || !ordinary)) {
      settings.push(`inside chmod ${entry.mode.toString(8)} ${quote(path)}`);
    }
  }
  return [
    // A directory of the overlay may be a link in the target (lib -> usr/lib), and keeps the mode it has there.
    `tar -C ${quote(staging)} --create --owner=0 --group=0 --numeric-owner . | inside tar --extract --preserve-permissions --keep-directory-symlink --no-overwrite-dir`,
    ...settings,
  ];
}

/**
 * A hook gets the variables that the plan lists, and nothing of ours. The ERR trap of bash (in POSIX mode, so that hooks
 * stay portable) finds the line: dash, Debian's sh, cannot tell it.
 */
function hookLine(
  context: Context,
  item: Extract<PhaseItem, { kind: 'hook' }>,
  path: string,
  { epoch, scratch, memo }: { readonly epoch: number; readonly scratch: string; readonly memo: Memo | undefined },
): string {
  const env: Record<string, string> = {
    ...item.env,
    SOURCE_DATE_EPOCH: String(epoch),
    SCRATCH: scratch,
    ...(item.files === undefined ? {} : { FILES: resolveRef(context, item.files) }),
    ...(memo === undefined ? {} : { MEMO: memo.directory, MEMO_KEY: memo.key, MEMO_MARKER: memo.marker }),
  };
  const hook = resolveRef(context, item.file);
  const label = `${item.collection}/${item.env['PHASE'] ?? ''}/${item.name}`;
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}`);
  const script = `${exports.join('\n')}
set -eEu
exec 9>&1
imgbuild_failed() {
  local status=$? line=0 i
  for ((i = 1; i < \${#BASH_SOURCE[@]}; i++)); do
    if [ "\${BASH_SOURCE[i]}" = ${quote(hook)} ]; then line=\${BASH_LINENO[i - 1]}; break; fi
  done
  printf '%s failed %s %s %s %s\\n' ${quote(MARK)} ${quote(label)} "$line" "$status" "$BASH_COMMAND" >&9
}
trap imgbuild_failed ERR
${ONCE}
. ${quote(join(libraryDirectory(context), 'lib.sh'))}
. ${quote(hook)}
`;
  writeFileSync(path, script);
  return `bash --posix ${quote(path)} < /dev/null || { status=$?; echo ${quote(`${MARK} ended ${label}`)} "$status"; exit "$status"; }`;
}

function libraryDirectory(context: Context): string {
  return context.roots['imgbuild'] ?? '';
}

export function resolveRef(context: Context, ref: FileRef): string {
  const root = context.roots[ref.root];
  if (root === undefined) throw new Error(`no directory is known for the root ${ref.root}`);
  return join(root, ref.path);
}

/** Quotes for sh: everything is literal between single quotes. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** What a phase's output says of its hooks. */
export interface PhaseWatch {
  readonly onLine: (line: string) => void;
  /** The error to report instead of the tool's own, once a hook has failed. */
  readonly failure: () => CommandError | undefined;
}

/** Follows the marks in a phase's output, and passes everything else on. */
export function watchPhases(context: Context, stage: string, counts: ReadonlyMap<Phase, number>): PhaseWatch {
  let failed: { label: string; line: string; status: string; command: string } | undefined;
  const tail: string[] = [];
  const onLine = (line: string): void => {
    const words = line.split(' ');
    if (words[0] !== MARK) {
      if (failed === undefined) tail.push(line);
      if (tail.length > 30) tail.shift();
      context.log(line);
      return;
    }
    const [, kind, first = '', second = ''] = words;
    if (kind === 'step') {
      const total = counts.get(first as Phase) ?? 0;
      const title = words.slice(4).join(' ');
      context.log(`--- ${first}: ${title}`);
      tail.length = 0;
      context.emit({ type: 'step', profile: context.profile, stage, n: Number(second), total, title });
    } else if (kind === 'failed') {
      failed ??= { label: first, line: second, status: words[4] ?? '', command: words.slice(5).join(' ') };
    } else {
      failed ??= { label: first, line: '', status: second, command: '' };
    }
  };
  const failure = (): CommandError | undefined => {
    if (failed === undefined) return undefined;
    const where = failed.line === '' || failed.line === '0' ? failed.label : `${failed.label} line ${failed.line}`;
    return new CommandError({
      doing: `hook ${where}`,
      argv: [failed.command === '' ? 'the script' : failed.command],
      exit: `exit status ${failed.status}`,
      tail: tail.join('\n'),
      hint: 'mend the hook or its options; `imgbuild shell PROFILE --failed` opens the tree as the hook left it',
    });
  };
  return { onLine, failure };
}
