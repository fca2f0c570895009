import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';

/** A directory for the tests of a file, removed when they are over. To be called while the file loads. */
export function scratch(parent: string = tmpdir()): string {
  const directory = mkdtempSync(path.join(parent, 'imgbuild-test-'));
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}
