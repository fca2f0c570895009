import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CHECKOUT, runCommand, type Outcome } from './cli.js';

/** What a block of a page needs: the program alone, or a builder and the images that it has made. */
export type Needs = 'program' | 'builder';

/** A shell block of a page that is marked runnable. */
export interface Block {
  /** `docs/x.md:12`, where its first line is. */
  readonly place: string;
  readonly needs: Needs;
  readonly script: string;
  /** Its output as the page shows it, where `…` stands for anything; undefined: not shown. */
  readonly prints: string | undefined;
  /** Files that the page shows before it, by path in the directory in which the block is run. */
  readonly files: ReadonlyMap<string, string>;
}

const MARKS = { '': 'program', 'with a builder': 'builder' } as const;

/** All pages whose blocks may be marked. */
export const PAGES: readonly string[] = [
  ...['README.md', 'CONTRIBUTING.md', 'profiles/README.md'],
  ...readdirSync(path.join(CHECKOUT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** The runnable blocks of these pages for a test that has what they need. */
export function runnableBlocks(needs: Needs, pages: readonly string[] = PAGES): Block[] {
  return pages
    .flatMap((page) => blocksOf(page, readFileSync(path.join(CHECKOUT, page), 'utf8')))
    .filter((block) => block.needs === needs);
}

/**
 * The runnable blocks of a page. Marks are comments of HTML, which no forge shows, right before a block of code:
 * `runnable` and `runnable with a builder` (sh), `prints` for the output of the block before, and `file: PATH`.
 *
 * @throws Error where a mark is not understood, or no block follows it.
 */
export function blocksOf(page: string, text: string): Block[] {
  const lines = text.split('\n');
  const files = new Map<string, string>();
  const blocks: Block[] = [];
  for (const [n, line] of lines.entries()) {
    const [, mark, detail = ''] = /^<!-- (runnable|prints|file:) ?(.*) -->$/.exec(line) ?? [];
    if (mark === undefined) continue;
    const { language, content, first } = codeAfter(lines, n, page);
    const place = `${page}:${String(first)}`;
    const last = blocks.at(-1);
    if (mark === 'file:') {
      files.set(detail, content);
    } else if (mark === 'prints' && last !== undefined) {
      blocks[blocks.length - 1] = { ...last, prints: content };
    } else if (mark === 'runnable' && language === 'sh' && Object.hasOwn(MARKS, detail)) {
      const needs = MARKS[detail as keyof typeof MARKS];
      blocks.push({ place, needs, script: content, prints: undefined, files: new Map(files) });
    } else {
      throw new Error(`${place}: what does "${line}" mark?`);
    }
  }
  return blocks;
}

function codeAfter(lines: readonly string[], mark: number, page: string) {
  const fence = lines[mark + 1] === '' ? mark + 2 : mark + 1;
  const end = lines.findIndex((line, n) => n > fence && line === '```');
  const [, language] = /^```([a-z]*)$/.exec(lines[fence] ?? '') ?? [];
  if (language === undefined || end < 0) throw new Error(`${page}:${String(mark + 1)}: no block of code follows`);
  return { language, content: `${lines.slice(fence + 1, end).join('\n')}\n`, first: fence + 2 };
}

/** Whether an output is what a page shows, where `…` stands for anything, also for several lines. */
export function isAsShown(output: string, shown: string): boolean {
  const parts = shown.trim().split('…');
  const pattern = parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('[^]*?');
  return new RegExp(`^${pattern}$`).test(output.trim());
}

/**
 * A directory such as users work in, below `parent`: the command and the example profiles as in a checkout, and a home.
 *
 * @returns the directory, and the environment in which commands are run there.
 */
export function projectDirectory(parent: string, files: ReadonlyMap<string, string> = new Map()) {
  const directory = mkdtempSync(path.join(parent, 'project-'));
  const home = path.join(directory, '.home');
  mkdirSync(home);
  cpSync(path.join(CHECKOUT, 'profiles/examples'), path.join(directory, 'profiles/examples'), { recursive: true });
  const command = path.join(directory, 'imgbuild');
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${CHECKOUT}/dist/bundle/cli.js" "$@"\n`);
  chmodSync(command, 0o755);
  for (const [name, content] of files) {
    mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    writeFileSync(path.join(directory, name), content);
  }
  return { directory, env: { PATH: `${directory}:${process.env['PATH'] ?? ''}`, HOME: home, NO_COLOR: '1' } };
}

/** Runs a script as somebody would who pastes it, but ends at the first command that fails. */
export function runScript(script: string, directory: string, env: Readonly<Record<string, string>>): Promise<Outcome> {
  const argv = ['--norc', '-euo', 'pipefail', '-c', script];
  return runCommand(['bash', ...argv], { cwd: directory, env });
}
