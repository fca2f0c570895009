import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CHECKOUT, runCommand, type Outcome } from './cli.js';

/** A shell block of a page that is marked runnable. */
export interface Block {
  /** `docs/x.md:12`, where its first line is. */
  readonly place: string;
  readonly script: string;
}

/** Before a block, blank line or not: a comment of HTML, which no forge shows. */
const MARK = '<!-- runnable -->';

/** The runnable blocks of all pages. */
export function runnableBlocks(): Block[] {
  const docs = readdirSync(path.join(CHECKOUT, 'docs')).filter((name) => name.endsWith('.md'));
  const pages = ['README.md', 'CONTRIBUTING.md', 'profiles/README.md', ...docs.map((name) => `docs/${name}`)];
  return pages.flatMap((page) => blocksOf(page, readFileSync(path.join(CHECKOUT, page), 'utf8')));
}

/** The runnable blocks of a page. Throws Error where no shell block follows a mark. */
export function blocksOf(page: string, text: string): Block[] {
  const lines = text.split('\n');
  return lines.flatMap((line, n) => {
    if (line !== MARK) return [];
    const fence = lines[n + 1] === '' ? n + 2 : n + 1;
    const end = lines.indexOf('```', fence);
    if (lines[fence] !== '```sh' || end < 0) throw new Error(`${page}:${String(n + 1)}: no shell block follows`);
    return [{ place: `${page}:${String(fence + 2)}`, script: `${lines.slice(fence + 1, end).join('\n')}\n` }];
  });
}

/**
 * A directory such as users work in, below `parent`: the command and the example profiles as in a checkout, and a home.
 *
 * @returns the directory, and the environment in which commands are run there.
 */
export function projectDirectory(parent: string) {
  const directory = mkdtempSync(path.join(parent, 'project-'));
  const home = path.join(directory, '.home');
  mkdirSync(home);
  cpSync(path.join(CHECKOUT, 'profiles/examples'), path.join(directory, 'profiles/examples'), { recursive: true });
  const command = path.join(directory, 'imgbuild');
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${CHECKOUT}/dist/bundle/cli.js" "$@"\n`);
  chmodSync(command, 0o755);
  return { directory, env: { PATH: `${directory}:${process.env['PATH'] ?? ''}`, HOME: home, NO_COLOR: '1' } };
}

/** Runs a script as somebody would who pastes it, but ends at the first command that fails. */
export function runScript(script: string, directory: string, env: Readonly<Record<string, string>>): Promise<Outcome> {
  const argv = ['--norc', '-euo', 'pipefail', '-c', script];
  return runCommand(['bash', ...argv], { cwd: directory, env });
}
