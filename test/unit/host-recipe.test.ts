import { cpSync, mkdtempSync, appendFileSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parsePackageList, readRecipe, RECIPE_FILES } from '../../src/host/recipe.js';
import { CAPABILITIES } from '../../src/host/privileges.js';
import { CHECKOUT } from '../support/cli.js';

const read = (name: string): string => readFileSync(path.join(CHECKOUT, name), 'utf8');

describe('the package list', () => {
  it('leaves out comments and what is for other architectures', () => {
    const text = '# all\nalpha\n  beta # why\n\ngamma [amd64 i386]\ndelta [arm64]\n';
    expect(parsePackageList(text, 'amd64')).toEqual(['alpha', 'beta', 'gamma']);
    expect(parsePackageList(text, 'arm64')).toEqual(['alpha', 'beta', 'delta']);
  });

  it('holds no package twice and no registry in any recipe file', () => {
    const packages = parsePackageList(read('builder-packages.list'), 'amd64');
    expect(new Set(packages).size).toBe(packages.length);
    expect(packages).toContain('mmdebstrap');
  });
});

describe('the recipe', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
    for (const name of RECIPE_FILES) cpSync(path.join(CHECKOUT, name), path.join(dir, name));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true });
  });

  it('names base and suite as the Containerfile does', async () => {
    const recipe = await readRecipe(dir);
    expect(recipe.base).toBe('debian:trixie-slim');
    expect(recipe.suite).toBe('trixie');
    expect(recipe.image).toBe(`imgbuild-builder:${recipe.digest.slice(0, 12)}`);
  });

  it.each(RECIPE_FILES)('has another digest when %s changes', async (name) => {
    const before = await readRecipe(dir);
    appendFileSync(path.join(dir, name), '# changed\n');
    expect((await readRecipe(dir)).digest).not.toBe(before.digest);
  });
});

describe('compose.yaml', () => {
  it('gives the builder the capabilities that the launcher gives it', () => {
    const { services } = parse(read('compose.yaml')) as { services: { builder: { cap_add: string[] } } };
    expect(services.builder.cap_add.toSorted()).toEqual(Object.keys(CAPABILITIES).sort());
  });

  it('and docs/security.md explains each', () => {
    const text = read('docs/security.md');
    for (const name of Object.keys(CAPABILITIES)) {
      expect(text).toMatch(new RegExp(`^\\| \`${name}\` +\\|`, 'm'));
      expect(text).toContain(`--cap-add ${name}`);
    }
  });
});
