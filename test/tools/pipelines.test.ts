import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { CHECKOUT, runCommand } from '../support/cli.js';
import { stepsOf } from '../support/pipelines.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const pipelines = path.join(CHECKOUT, 'docs/ci');

it.each(readdirSync(pipelines))('steps of %s are good shell', async (name) => {
  const script = path.join(directory, `${name}.sh`);
  const steps = stepsOf(name, readFileSync(path.join(pipelines, name), 'utf8'));
  expect(steps.length).toBeGreaterThan(1);
  // IMGBUILD_PROFILE and the like come from the environment.
  writeFileSync(script, `#!/bin/sh\nset -eu\n${steps.join('\n')}\n`);
  const { code, stdout } = await runCommand(['shellcheck', '--shell=sh', script]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
});
