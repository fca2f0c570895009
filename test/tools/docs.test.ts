import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { blocksOf, projectDirectory, runnableBlocks, runScript } from '../support/blocks.js';
import { exampleProfiles } from '../support/dbuild.js';
import { scratch } from '../support/scratch.js';

const top = scratch();
const blocks = runnableBlocks();

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
  it('is found by its mark', () => {
    expect(blocks.length).toBeGreaterThan(1);
    const page = 'a\n\n<!-- runnable -->\n\n```sh\ntrue\n```\n\n```sh\nfalse\n```\n';
    expect(blocksOf('x.md', page)).toEqual([{ place: 'x.md:6', script: 'true\n' }]);
    expect(() => blocksOf('x.md', page.replace('```sh', '```yaml'))).toThrow('x.md:3: no shell block follows');
  });

  it.each(blocks)('$place', async ({ script }) => {
    const { directory, env } = projectDirectory(top);
    layPredecessor(env.HOME);
    const { code, stderr } = await runScript(script, directory, env);
    expect(code, stderr).toBe(0);
  });
});
