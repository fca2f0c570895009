import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAsShown, projectDirectory, runnableBlocks, runScript } from '../support/blocks.js';
import { exampleProfiles } from '../support/dbuild.js';
import { scratch } from '../support/scratch.js';

const top = scratch();
const blocks = runnableBlocks('program').map((block) => ({ name: block.place, block }));

/** Somebody's checkout of the predecessor in a home: what is told about keys that are none is not for a page. */
function layPredecessor(home: string): void {
  const directory = path.join(home, 'dbuild');
  mkdirSync(path.join(directory, 'profiles'), { recursive: true });
  writeFileSync(path.join(directory, 'mkimage'), '#!/bin/sh\n');
  for (const [name, text] of exampleProfiles()) {
    const own = text.replace(/^OCONF_.*FIXME.*\n/gm, '');
    if (name === 'deb12-amd64-lxc') writeFileSync(path.join(directory, 'profiles/shop'), own);
  }
}

describe('what the documentation lets people run', () => {
  it('is there', () => {
    expect(blocks.length).toBeGreaterThan(0);
  });

  it.each(blocks)('$name', async ({ block }) => {
    const { directory, env } = projectDirectory(top, block.files);
    layPredecessor(env.HOME);
    const { code, stdout, stderr } = await runScript(block.script, directory, env);
    expect(code, stderr).toBe(0);
    if (block.prints !== undefined) expect(isAsShown(stdout, block.prints), stdout).toBe(true);
  });
});
