import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProfile, loadProject } from '../../src/config/load.js';
import type { BuildConfig } from '../../src/config/types.js';
import { runImport } from '../../src/import/run.js';
import { CHECKOUT } from '../support/cli.js';
import { examplePackages, exampleProfiles } from '../support/dbuild.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const examples = [...exampleProfiles()];

const page = readFileSync(path.join(CHECKOUT, 'docs/migrating.md'), 'utf8');

/** What is installed in another way than there, each with a reason in docs/migrating.md. */
function differing(target: string): { readonly gone: readonly string[]; readonly added: readonly string[] } {
  if (target === 'lxc') return { gone: [], added: [] };
  return target.startsWith('hardware') ? { gone: [], added: ['fdisk', 'snapper'] } : { gone: ['haveged'], added: [] };
}

function packagesOf({ packages }: BuildConfig): readonly string[] {
  return [...packages.shared, ...packages.extra].sort();
}

describe('the example profiles of the predecessor', () => {
  it('are 18', () => {
    expect(examples).toHaveLength(18);
  });

  it.each(examples)('%s means what our example of the name means', (name, text) => {
    const places = { programDir: CHECKOUT, staging: path.join(directory, name), output: directory };
    const file = path.join(directory, `${name}.old`, name);
    mkdirSync(path.dirname(file), { recursive: true });
    mkdirSync(places.staging);
    writeFileSync(file, text);
    const { problems, notes, files } = runImport([file], places);
    expect(problems).toEqual([]);
    expect(files).toEqual([`profiles/${name}.yaml`]);
    // The keys of the examples are none: who uses them puts a real one there.
    expect(notes.filter(({ kind }) => kind === 'lost').map((note) => note.path)).toEqual([
      'OCONF_LOGIN_SSH_KEY',
      'OCONF_CTRL_SSH_KEY',
    ]);
    const project = loadProject({ programDir: CHECKOUT, cwd: places.staging });
    const imported = loadProfile(project, path.join(places.staging, `profiles/${name}.yaml`));
    const ours = loadProfile(project, `profiles/examples/${name.slice(0, 5)}/${name}`);
    expect(packagesOf(imported)).toEqual(packagesOf(ours));
    const target = name.replace(/^deb\d+-amd64-/, '');
    const { gone, added } = differing(target);
    for (const word of [...gone, ...added]) expect(page).toContain(`\`${word}\``);
    const kept = examplePackages(target).filter((word) => !gone.includes(word));
    expect(packagesOf(imported)).toEqual([...kept, ...added].sort());
    expect(imported.collections.map((collection) => collection.name)).toEqual(
      ours.collections.map((collection) => collection.name),
    );
    expect(imported.outputs).toEqual(ours.outputs);
    // Options that differ, each with a reason in docs/migrating.md.
    const different = Object.keys(ours.options).filter(
      (option) => JSON.stringify(imported.options[option]) !== JSON.stringify(ours.options[option]),
    );
    expect(different).toEqual(name.startsWith('deb11') ? ['mergedUsr'] : []);
    expect(imported.secrets).toEqual({ rootPassword: { env: 'ROOT_PASSWORD' } });
    expect(ours.secrets).toEqual({});
  });
});
