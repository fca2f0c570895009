import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createProgram } from '../../src/commands/program.js';
import { CHECKOUT } from '../support/cli.js';
import { stepsOf } from '../support/pipelines.js';

const directory = path.join(CHECKOUT, 'docs/ci');
const files = readdirSync(directory);

/** What a forge asks of the file, as far as its shape tells. */
const SHAPES: Readonly<Record<string, object>> = {
  github: { on: expect.anything() as unknown, jobs: { image: { 'runs-on': 'ubuntu-24.04' } } },
  forgejo: { on: expect.anything() as unknown, jobs: { image: { 'runs-on': 'docker' } } },
  gitlab: { build: { stage: 'build', artifacts: { paths: ['obj/'] } } },
};

describe('pipelines', () => {
  it('are there for four forges, in two ways each', () => {
    expect(files).toEqual(
      ['github', 'forgejo', 'gitlab']
        .flatMap((forge) => [`${forge}-image.yml`, `${forge}-launcher.yml`])
        .concat('Jenkinsfile-image', 'Jenkinsfile-launcher')
        .sort(),
    );
  });

  it.each(files.filter((name) => name.endsWith('.yml')))('%s has the shape of its forge', (name) => {
    const text = readFileSync(path.join(directory, name), 'utf8');
    expect(parse(text)).toMatchObject(SHAPES[name.split('-')[0] ?? ''] ?? {});
  });

  it.each(files.filter((name) => /^(github|forgejo)-/.test(name)))('%s uploads no file twice', (name) => {
    // upload-artifact follows links (actions/upload-artifact#93).
    const steps = stepsOf(name, readFileSync(path.join(directory, name), 'utf8'));
    expect(steps.at(-1)).toBe('find obj -type l -delete');
  });

  it.each(files)('%s installs, checks, builds and prunes, by commands that there are', async (name) => {
    const steps = stepsOf(name, readFileSync(path.join(directory, name), 'utf8'));
    const calls = steps.flatMap((step) => step.split('\n')).filter((line) => line.startsWith('imgbuild '));
    expect(calls.map((line) => line.split(' ')[1])).toEqual(['validate', 'build', 'cache']);
    expect(steps.some((step) => step.includes('npm install --global'))).toBe(name.includes('launcher'));
    for (const line of calls) {
      const [, verb = '', second = ''] = line.split(' ');
      const program = await createProgram([verb]);
      const command = program.commands.find((candidate) => candidate.name() === verb);
      const sub = command?.commands.find((candidate) => candidate.name() === second);
      const known = [program, command, sub].flatMap((one) => one?.options.map((option) => option.long) ?? []);
      const used = [...line.matchAll(/ (--[a-z-]+)/g)].map(([, option]) => option);
      expect(known, line).toEqual(expect.arrayContaining(used));
    }
  });
});
