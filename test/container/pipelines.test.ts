import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { projectDirectory, runScript } from '../support/blocks.js';
import { buildEnv } from '../support/build.js';
import { PROFILE } from '../support/caches.js';
import { CHECKOUT } from '../support/cli.js';
import { stepsOf } from '../support/pipelines.js';
import { scratch } from '../support/scratch.js';

const top = scratch();

it('the steps of a pipeline make an image, all but the installation', async () => {
  const name = 'github-launcher.yml';
  const steps = stepsOf(name, readFileSync(path.join(CHECKOUT, 'docs/ci', name), 'utf8'));
  const own = steps.filter((step) => !step.startsWith('npm '));
  expect(own).toHaveLength(3);
  const { directory, env } = projectDirectory(top);
  // The cache is that of all tests: pruning it is left to the tests of that.
  const { code, stderr } = await runScript(own[0] ?? '', directory, {
    ...env,
    ...buildEnv(),
    IMGBUILD_PROFILE: PROFILE,
  });
  expect(code, stderr).toBe(0);
  expect(readdirSync(path.join(directory, 'obj', PROFILE))).toEqual(expect.arrayContaining(['SHA256SUMS']));
});
