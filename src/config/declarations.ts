import type { z } from 'zod';

import { lazily } from './lazy.js';
import { checkValue } from './options.js';
import { nearest } from './suggest.js';
import { TEXT_FORMAT_NAMES } from './text-formats.js';

/** Kinds of options, in the order in which messages name them. */
export const OPTION_TYPES = [
  'boolean',
  'integer',
  'string',
  'enum',
  'list',
  'size',
  'timezone',
  'records',
  'secret',
] as const;

/** Dotted names of camelCase words; a group is the part before a dot. */
export const OPTION_NAME = /^[a-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*(?:\.[a-z0-9][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*)*$/;

const Help = lazily((z) => z.string().min(1, { error: 'needs a sentence that tells what the option does' }));

const Pattern = lazily((z) =>
  z.string().check((context) => {
    try {
      new RegExp(context.value, 'u');
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      context.issues.push({ code: 'custom', message, input: context.value });
    }
  }),
);

/** Something that is checked more closely than by a pattern. */
const Format = lazily((z) => z.enum(TEXT_FORMAT_NAMES));

/** What a pattern means, for messages: `a host name, such as web1`. */
const Expects = lazily((z) => z.string().min(1, { error: 'needs words that tell what the pattern means' }));

const BooleanOption = lazily((z) => z.strictObject({ type: z.literal('boolean'), default: z.boolean(), help: Help() }));

const IntegerOption = lazily((z) =>
  z.strictObject({
    type: z.literal('integer'),
    default: z.int(),
    min: z.int().optional(),
    max: z.int().optional(),
    help: Help(),
  }),
);

const StringOption = lazily((z) =>
  z.strictObject({
    type: z.literal('string'),
    default: z.string().optional(),
    pattern: Pattern().optional(),
    format: Format().optional(),
    expects: Expects().optional(),
    help: Help(),
  }),
);

const EnumOption = lazily((z) =>
  z.strictObject({
    type: z.literal('enum'),
    values: z.array(z.string()).min(1),
    default: z.string(),
    help: Help(),
  }),
);

const ListOption = lazily((z) =>
  z.strictObject({
    type: z.literal('list'),
    default: z.array(z.string()).optional(),
    item: Pattern().optional(),
    format: Format().optional(),
    expects: Expects().optional(),
    accumulate: z.boolean().optional(),
    help: Help(),
  }),
);

const SizeOption = lazily((z) => z.strictObject({ type: z.literal('size'), default: z.string(), help: Help() }));

const TimezoneOption = lazily((z) =>
  z.strictObject({ type: z.literal('timezone'), default: z.string(), help: Help() }),
);

const fieldCommon = lazily((z) => ({ required: z.boolean().optional(), help: Help().optional() }));

/** A field of a `records` option. */
export const FieldDeclaration = lazily((z) =>
  z.discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('boolean'), default: z.boolean().optional(), ...fieldCommon() }),
      z.strictObject({
        type: z.literal('integer'),
        default: z.int().optional(),
        min: z.int().optional(),
        max: z.int().optional(),
        ...fieldCommon(),
      }),
      z.strictObject({
        type: z.literal('string'),
        default: z.string().optional(),
        pattern: Pattern().optional(),
        format: Format().optional(),
        expects: Expects().optional(),
        ...fieldCommon(),
      }),
      z.strictObject({
        type: z.literal('enum'),
        values: z.array(z.string()).min(1),
        default: z.string().optional(),
        ...fieldCommon(),
      }),
      z.strictObject({
        type: z.literal('list'),
        default: z.array(z.string()).optional(),
        item: Pattern().optional(),
        format: Format().optional(),
        expects: Expects().optional(),
        ...fieldCommon(),
      }),
    ],
    { error: (issue) => typeMessage(issue.input, ['boolean', 'integer', 'string', 'enum', 'list']) },
  ),
);
export type FieldDeclaration = z.infer<ReturnType<typeof FieldDeclaration>>;

const RecordsOption = lazily((z) =>
  z.strictObject({
    type: z.literal('records'),
    fields: z.record(z.string(), FieldDeclaration()),
    default: z.array(z.record(z.string(), z.unknown())).optional(),
    accumulate: z.boolean().optional(),
    help: Help(),
  }),
);

const SecretOption = lazily((z) => z.strictObject({ type: z.literal('secret'), help: Help() }));

/** What a collection says about an option of its own. */
export const OptionDeclaration = lazily((z) =>
  z
    .discriminatedUnion(
      'type',
      [
        BooleanOption(),
        IntegerOption(),
        StringOption(),
        EnumOption(),
        ListOption(),
        SizeOption(),
        TimezoneOption(),
        RecordsOption(),
        SecretOption(),
      ],
      { error: (issue) => typeMessage(issue.input, OPTION_TYPES) },
    )
    .check((context) => {
      const declaration = context.value;
      if (declaration.type === 'secret' || declaration.default === undefined) return;
      const checked = checkValue(declaration, declaration.default);
      if (checked.ok) return;
      for (const fault of checked.faults) {
        const path = ['default', ...fault.path];
        context.issues.push({ code: 'custom', message: fault.message, input: declaration.default, path });
      }
    }),
);
export type OptionDeclaration = z.infer<ReturnType<typeof OptionDeclaration>>;

/** Every kind of option but secrets, whose values never are configuration. */
export type PlainDeclaration = Exclude<OptionDeclaration, { type: 'secret' }>;

function typeMessage(input: unknown, types: readonly string[]): string {
  const list = types.join(', ');
  const type: unknown = typeof input === 'object' && input !== null && 'type' in input ? input.type : undefined;
  if (type === undefined) return `type is missing: one of ${list}`;
  const near = typeof type === 'string' ? nearest(type, types) : undefined;
  return `type must be one of ${list}${near === undefined ? '' : `: did you mean "${near}"?`}`;
}
