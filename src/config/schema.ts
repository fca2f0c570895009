import type { z } from 'zod';

import { OptionDeclaration } from './declarations.js';
import { FORMAT_NAMES } from './formats.js';
import { StorageTree } from './layout-schema.js';
import { lazily } from './lazy.js';
import { ARCHITECTURES } from './architectures.js';
import { SUITE_NAMES } from './suites.js';

/** What a profile gets that names no outputs. */
export const DEFAULT_OUTPUTS: readonly string[] = ['tar.zst'];

/** A Debian package, perhaps with architecture, version or release as apt takes them: `name:arch=1.2`, `name/suite`. */
const PACKAGE_NAME = /^-?[a-z0-9][a-z0-9+.-]+(?::[a-z0-9-]+)?(?:=[A-Za-z0-9.+:~-]+|\/[a-z0-9-]+)?$/;

/** What is wrong with the name of a package; undefined when nothing is. */
export function packageNameFault(name: unknown): string | undefined {
  if (typeof name === 'string' && PACKAGE_NAME.test(name)) return undefined;
  return `${JSON.stringify(name)} is not the name of a package`;
}

const PackageName = lazily((z) =>
  z
    .string()
    .regex(PACKAGE_NAME, { error: (issue) => packageNameFault(issue.input) })
    .meta({ description: 'A Debian package; with a leading - it is left out.' }),
);

const Packages = lazily((z) => z.array(PackageName()));

const CollectionName = lazily((z) =>
  z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._+-]*(?:\/[A-Za-z0-9][A-Za-z0-9._+-]*)*$/, {
    error: (issue) => `${JSON.stringify(issue.input)} is not the name of a collection`,
  }),
);

const CollectionNames = lazily((z) => z.array(CollectionName()));

const OptionValues = lazily((z) => z.record(z.string(), z.unknown()));

const When = lazily((z) =>
  z.union([z.string(), z.array(z.string()).min(1)], {
    error: 'expected a condition or a list of conditions',
  }),
);

/** An entry of `conditional` in a collection. */
export const Conditional = lazily((z) =>
  z.strictObject({
    when: When().meta({ description: 'name, !name, name=v1|v2 or !name=v; of a list all must hold.' }),
    packages: Packages(),
  }),
);
export type Conditional = z.infer<ReturnType<typeof Conditional>>;

/** An entry of `refuse` in a collection. */
export const Refusal = lazily((z) =>
  z.strictObject({
    when: When().meta({ description: 'name, !name, name=v1|v2 or !name=v; of a list all must hold.' }),
    because: z.string().min(1).meta({ description: 'What is wrong then, as a clause.' }),
    hint: z.string().min(1).optional().meta({ description: 'What to do about it.' }),
  }),
);

export type Refusal = z.infer<ReturnType<typeof Refusal>>;

/** An entry of `permissions` in a collection. */
export const Permission = lazily((z) =>
  z
    .strictObject({
      path: z.string().regex(/^[^/]/, { error: 'must be a path in the image without a leading slash' }),
      mode: z
        .string({ error: "expected an octal mode in quotes, such as '0640'" })
        .regex(/^[0-7]{3,4}$/, { error: "must be an octal mode, such as '0640'" })
        .optional(),
      owner: z
        .string()
        .regex(/^[a-z0-9_][a-z0-9_-]*:[a-z0-9_][a-z0-9_-]*$/, { error: "must be 'user:group', names or numbers" })
        .optional(),
    })
    .refine((entry) => entry.mode !== undefined || entry.owner !== undefined, { error: 'needs mode, owner or both' }),
);
export type Permission = z.infer<ReturnType<typeof Permission>>;

/** A `collection.yaml`. */
export const Collection = lazily((z) =>
  z.strictObject({
    description: z.string().min(1).meta({ description: 'One sentence: what the collection does to an image.' }),
    about: z.string().min(1).optional().meta({ description: 'More about it, as Markdown, for its README.' }),
    examples: z
      .array(z.strictObject({ description: z.string().min(1), profile: z.record(z.string(), z.unknown()) }))
      .min(1)
      .optional()
      .meta({ description: 'Parts of profiles that use it, for its README.' }),
    bundle: z.boolean().optional().meta({ description: 'Only pulls in others: no packages, options, hooks or files.' }),
    requires: CollectionNames().optional().meta({ description: 'Collections that come along, before this one.' }),
    wants: CollectionNames().optional().meta({ description: 'Collections that come along, in no particular order.' }),
    after: z
      .union([z.literal('*'), CollectionNames()], { error: "expected a list of collections, or '*' for all others" })
      .optional()
      .meta({
        description: "Collections that come before this one if they are there; '*': all that do not say so themselves.",
      }),
    architectures: z
      .array(z.enum(ARCHITECTURES))
      .min(1)
      .optional()
      .meta({ description: 'Machines that it is for; all of them when it does not say.' }),
    options: z
      .record(z.string(), OptionDeclaration())
      .optional()
      .meta({ description: 'Options that profiles may set.' }),
    set: OptionValues().optional().meta({ description: 'Other defaults for options of collections that come before.' }),
    outputs: z
      .array(z.enum(FORMAT_NAMES))
      .min(1)
      .optional()
      .meta({ description: 'Formats of a profile with this collection that does not name its own.' }),
    packages: Packages().optional().meta({ description: 'Packages that every image with this collection has.' }),
    conditional: z.array(Conditional()).optional().meta({ description: 'Packages that depend on options.' }),
    refuse: z
      .array(Refusal())
      .optional()
      .meta({ description: 'What the collection cannot work with; told before anything is built.' }),
    permissions: z.array(Permission()).optional().meta({ description: 'Modes and owners of files of the overlay.' }),
  }),
);
export type Collection = z.infer<ReturnType<typeof Collection>>;

/** What `parseSize` of units.ts reads, and more than nothing. */
const SIZE = /^(?=.*[1-9])\d+(?:\.\d+)?\s*[kKmMgGtT]?(?:[iI]?[bB])?$/;

/** A profile as a file. What it must say (suite, architecture, collections) may come from the file that it extends. */
export const Profile = lazily((z) =>
  z.strictObject({
    extends: z.string().min(1).optional().meta({
      description: 'Profile that this one builds on: a path from here or from a profile directory, or a name.',
    }),
    description: z.string().optional().meta({ description: 'One sentence about the image.' }),
    suite: z.enum(SUITE_NAMES).optional().meta({ description: 'Debian suite.' }),
    architecture: z.enum(ARCHITECTURES).optional().meta({ description: 'Machine that the image is for.' }),
    collections: CollectionNames().optional().meta({ description: 'What the image consists of.' }),
    options: OptionValues().optional().meta({ description: 'Values of options, nested or with dotted names.' }),
    packages: Packages().optional().meta({ description: 'Further packages; -name leaves one out.' }),
    disk: StorageTree().optional().meta({ description: 'Disks and what is on them, instead of the ready-made ones.' }),
    outputs: z.array(z.enum(FORMAT_NAMES)).min(1).optional().meta({ description: 'Formats to make.' }),
    maxSize: z
      .string({ error: 'expected a size with a unit, such as 800MiB' })
      .regex(SIZE, { error: (issue) => `${JSON.stringify(issue.input)} is not a size such as 800MiB` })
      .optional()
      .meta({ description: 'What the files of the image may take at most, as imgbuild size counts them.' }),
  }),
);
export type Profile = z.infer<ReturnType<typeof Profile>>;

/** The `defaults.yaml` of a site, which applies to all its profiles. */
export const Defaults = lazily((z) =>
  z.strictObject({
    options: OptionValues().optional().meta({ description: 'Values of options for all profiles of the site.' }),
    packages: Packages()
      .optional()
      .meta({ description: 'Packages for all profiles of the site; -name leaves one out.' }),
  }),
);
export type Defaults = z.infer<ReturnType<typeof Defaults>>;

/** Keys that a profile cannot do without, be it by what it extends. */
export const REQUIRED_IN_PROFILE = ['suite', 'architecture', 'collections'] as const;
