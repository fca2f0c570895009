import { optionsPage } from './docs.js';
import { collectionSchema, defaultsSchema, profileSchema } from './jsonschema.js';
import { loadProject } from './load.js';
import { collectionPage } from './readme.js';
import { coreOptions } from './resolve-options.js';

/**
 * The files of the product that follow from its collections, by path in the program's directory. They are checked in:
 * editors and readers have them without running anything, and a test tells when they are out of date.
 */
export function generatedFiles(programDir: string): Readonly<Record<string, string>> {
  const { collections } = loadProject({ programDir });
  // The product's alone: those of a user who works in a checkout do not belong into its documentation.
  const files = collections
    .names()
    .filter((name) => collections.place(name)?.root === 'imgbuild')
    .flatMap((name) => collections.find(name) ?? []);
  const options = [...coreOptions(), ...files.flatMap((collection) => collection.options)];
  const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
  return {
    'schema/profile.json': json(profileSchema(files, options)),
    'schema/collection.json': json(collectionSchema(options)),
    'schema/defaults.json': json(defaultsSchema(options)),
    'docs/options.md': optionsPage(files),
    ...Object.fromEntries(
      files.map((file) => [
        `collections/${file.name}/README.md`,
        collectionPage(file, collections.content(file), options),
      ]),
    ),
  };
}
