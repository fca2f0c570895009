import type { z } from 'zod';

import type { CollectionFile, DeclaredOption } from './collection.js';
import type { FieldDeclaration, OptionDeclaration } from './declarations.js';
import { lazily } from './lazy.js';
import { SIZE_PATTERN } from './options.js';
import { Collection, Defaults, Profile, REQUIRED_IN_PROFILE } from './schema.js';
import { expectationOf, patternOf, textRule, wholePattern, type TextRule } from './text-formats.js';
import { timezones } from './timezone.js';

/** A JSON Schema, or a part of one. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const jsonSchemaOf = lazily((z) => (schema: z.ZodType) => z.toJSONSchema(schema, { io: 'input' }));

/** The schema of profiles for editors, with all options that the collections declare. */
export function profileSchema(collections: readonly CollectionFile[], options: readonly DeclaredOption[]): JsonSchema {
  const names = collections.map((collection) => collection.name);
  const base = jsonSchemaOf()(Profile());
  return {
    ...base,
    title: 'imgbuild profile',
    // What is missing here may come from the profile that this one extends.
    anyOf: [{ required: ['extends'] }, { required: REQUIRED_IN_PROFILE }],
    properties: {
      ...base.properties,
      collections: withNames(base.properties?.['collections'], names),
      options: optionsSchema(options),
    },
  };
}

/** The schema of a site's defaults.yaml for editors. */
export function defaultsSchema(options: readonly DeclaredOption[]): JsonSchema {
  const base = jsonSchemaOf()(Defaults());
  const properties = { ...base.properties, options: optionsSchema(options) };
  return { ...base, title: 'imgbuild defaults of a site', properties };
}

/** The schema of collection.yaml for editors. */
export function collectionSchema(options: readonly DeclaredOption[]): JsonSchema {
  const base = jsonSchemaOf()(Collection());
  const properties = { ...base.properties, set: optionsSchema(options) };
  return { ...base, title: 'imgbuild collection', properties };
}

/** Offers the names that are known and allows others: users have collections of their own. */
function withNames(list: unknown, names: readonly string[]): JsonSchema {
  const schema: JsonSchema = typeof list === 'object' && list !== null ? { ...list } : {};
  return { ...schema, items: { anyOf: [{ enum: names }, schema['items']] } };
}

/** A mapping of options, under their dotted names as well as nested in groups. Others may be declared by users. */
function optionsSchema(options: readonly DeclaredOption[]): JsonSchema {
  const properties: Record<string, JsonSchema> = {};
  const groups = new Map<string, DeclaredOption[]>();
  for (const option of options) {
    if (option.declaration === undefined) continue;
    properties[option.name] = optionSchema(option.declaration, option.collection);
    const dot = option.name.indexOf('.');
    if (dot < 0) continue;
    const group = option.name.slice(0, dot);
    groups.set(group, [...(groups.get(group) ?? []), { ...option, name: option.name.slice(dot + 1) }]);
  }
  for (const [group, members] of groups) properties[group] = optionsSchema(members);
  const sorted = Object.fromEntries(Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { type: 'object', properties: sorted };
}

function optionSchema(declaration: OptionDeclaration, collection: string): JsonSchema {
  const description = `${declaration.help} (${collection})`;
  if (declaration.type === 'secret') return { description, ...SECRET };
  const common = declaration.default === undefined ? { description } : { description, default: declaration.default };
  switch (declaration.type) {
    case 'timezone':
      return { ...common, enum: ['', ...timezones()] };
    case 'size':
      return {
        ...common,
        anyOf: [
          { type: 'string', pattern: SIZE_PATTERN },
          { type: 'integer', minimum: 0 },
        ],
      };
    case 'records':
      return { ...common, type: 'array', items: recordSchema(declaration.fields) };
    default:
      return { ...common, ...valueSchema(declaration) };
  }
}

function recordSchema(fields: Readonly<Record<string, FieldDeclaration>>): JsonSchema {
  const entries = Object.entries(fields);
  return {
    type: 'object',
    properties: Object.fromEntries(
      entries.map(([name, field]) => {
        const help = field.help === undefined ? {} : { description: field.help };
        return [name, { ...help, ...valueSchema(field) }];
      }),
    ),
    required: entries.filter(([, field]) => field.required === true).map(([name]) => name),
    additionalProperties: false,
  };
}

function valueSchema(declaration: FieldDeclaration): JsonSchema {
  switch (declaration.type) {
    case 'boolean':
      return { type: 'boolean' };
    case 'integer': {
      const { min, max } = declaration;
      return {
        type: 'integer',
        ...(min === undefined ? {} : { minimum: min }),
        ...(max === undefined ? {} : { maximum: max }),
      };
    }
    case 'string': {
      const rule = textRule(declaration);
      if (patternOf(rule) === undefined) return { type: 'string' };
      const pattern = { type: 'string', ...patternSchema(rule) };
      // The default is allowed whatever the pattern says: '' stands for "not set".
      return { anyOf: [pattern, { const: declaration.default ?? '' }] };
    }
    case 'enum':
      return { enum: [...declaration.values, ...declaration.values.filter(isNumber).map(Number)] };
    case 'list': {
      return { type: 'array', items: { type: 'string', ...patternSchema(textRule(declaration)) } };
    }
  }
}

/** What YAML takes for a number when it has no quotes. */
function isNumber(text: string): boolean {
  return /^(0|[1-9][0-9]*)$/.test(text);
}

/** With the message that yaml-language-server and VS Code show instead of the regular expression. */
function patternSchema(rule: TextRule): JsonSchema {
  const pattern = patternOf(rule);
  if (pattern === undefined) return {};
  const expects = expectationOf(rule);
  const message = expects === undefined ? {} : { patternErrorMessage: `expected ${expects}` };
  return { pattern: wholePattern(pattern), ...message };
}

const SECRET: JsonSchema = {
  oneOf: [
    { type: 'string', minLength: 1 },
    ...['value', 'env', 'file', 'command'].map((key) => ({
      type: 'object',
      properties: { [key]: { type: 'string', minLength: 1 } },
      required: [key],
      additionalProperties: false,
    })),
  ],
};
