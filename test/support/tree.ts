import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';

/** Content of a file; a link; or a program, which has its x bit set. */
export type Leaf = string | { readonly link: string } | { readonly program: string };

/** Writes files below a directory of their own, which is removed when the test is over; gives the directory. */
export function tree(files: Readonly<Record<string, Leaf>>): string {
  const root = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
  onTestFinished(() => {
    rmSync(root, { recursive: true, force: true });
  });
  addFiles(root, files);
  return root;
}

/** Writes further files below a directory. */
export function addFiles(root: string, files: Readonly<Record<string, Leaf>>): void {
  for (const [name, leaf] of Object.entries(files)) {
    const file = path.join(root, name);
    mkdirSync(path.dirname(file), { recursive: true });
    if (typeof leaf === 'string') writeFileSync(file, leaf);
    else if ('link' in leaf) symlinkSync(leaf.link, file);
    else {
      writeFileSync(file, leaf.program);
      chmodSync(file, 0o755);
    }
  }
}
