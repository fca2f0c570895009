import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listProfiles, loadProfile, loadProject, type Project } from '../../src/config/load.js';
import { REQUIRED_IN_PROFILE } from '../../src/config/schema.js';
import { ConfigError } from '../../src/errors.js';
import { CHECKOUT } from '../support/cli.js';
import { mutations } from '../support/mutate.js';
import { thrown } from '../support/thrown.js';

const EXAMPLES = path.join(CHECKOUT, 'profiles/examples');

/** Example profiles by their path below profiles/examples. */
const examples = listProfiles(loadProject({ programDir: CHECKOUT, cwd: EXAMPLES }))
  .map(({ file }) => path.relative(EXAMPLES, path.resolve(EXAMPLES, file)))
  .filter((file) => !file.startsWith('..'));

describe('example profiles', () => {
  let project: Project;
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
    cpSync(EXAMPLES, directory, { recursive: true });
    project = loadProject({ programDir: CHECKOUT, cwd: directory });
  });

  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it('are there', () => {
    expect(examples.length).toBeGreaterThanOrEqual(4);
  });

  it.each(examples)('%s is good as it is', (file) => {
    expect(loadProfile(project, `./${file}`)).toHaveProperty('suite');
  });

  it.each(examples)('%s with any key misspelt, of a wrong type or missing is rejected with a pointer', (file) => {
    const original = readFileSync(path.join(EXAMPLES, file), 'utf8');
    const required = /^extends:/m.test(original) ? [] : REQUIRED_IN_PROFILE;
    const all = mutations(original, required);
    expect(all.length).toBeGreaterThan(1);
    for (const { what, text, line } of all) {
      // A name of its own, so that the original stays for those who extend it.
      const mutated = file.replace(/\.yaml$/, '-mutated.yaml');
      writeFileSync(path.join(directory, mutated), text);
      const error = thrown(() => loadProfile(project, `./${mutated}`));
      expect(error, what).toBeInstanceOf(ConfigError);
      const places =
        error instanceof ConfigError ? error.problems.map((found) => `${found.file}:${String(found.line)}`) : [];
      expect(places, what).toContain(`${mutated}:${String(line)}`);
    }
  });
});
