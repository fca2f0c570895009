import type { CollectionFile, DeclaredOption } from './collection.js';
import type { Term } from './conditions.js';
import { problemAt, type Located } from './document.js';
import type { Problem } from '../errors.js';
import { DISK_CONDITIONS, isDiskCondition } from './layout-uses.js';
import { checkValue, optionEnvName } from './options.js';
import { orderCollections, type OrderNode, type UnknownName } from './order.js';
import type { ResolveInput } from './resolve-input.js';
import { unknownOption, type OptionTable } from './resolve-layers.js';
import { declareOptions } from './resolve-options.js';
import { didYouMean } from './suggest.js';
import { ARCHITECTURES } from './architectures.js';
import { SUITE_NAMES } from './suites.js';

/** The collections of a profile in their order, and the options that they declare. */
export interface CollectionSet {
  readonly collections: readonly CollectionFile[];
  readonly table: OptionTable;
}

/** Finds what the requested collections pull in and orders it; unknown names and cycles become problems. */
export function gatherCollections(
  input: ResolveInput,
  requested: readonly Located<string>[],
  problems: Problem[],
): CollectionSet {
  const names = requested.map((entry) => entry.value);
  const found = orderCollections(names, (name) => {
    const collection = input.collection(name);
    return collection === undefined ? undefined : orderNode(collection);
  });
  const collections = found.order.flatMap((name) => input.collection(name) ?? []);
  for (const unknown of found.unknown) reportUnknown(input, requested, unknown, problems);
  for (const cycle of found.cycles) reportCycle(input, cycle, problems);
  for (const collection of collections) {
    problems.push(...collection.problems);
    for (const entry of collection.after) {
      if (input.collection(entry.value) === undefined) problems.push(unknownCollection(input, entry, [entry.value]));
    }
  }
  const declared = declareOptions(collections, problems);
  let elsewhere: ReadonlyMap<string, DeclaredOption> | undefined;
  const table: OptionTable = {
    declared,
    variables: new Map([...declared].map(([name, option]) => [optionEnvName(name), option])),
    order: found.order,
    incomplete: found.unknown.length > 0,
    elsewhere: () => {
      elsewhere ??= new Map(
        input
          .all()
          .filter((collection) => !found.order.includes(collection.name))
          .flatMap((collection) => collection.options.map((option) => [option.name, option] as const)),
      );
      return elsewhere;
    },
  };
  return { collections, table };
}

function orderNode(collection: CollectionFile): OrderNode {
  const values = (entries: readonly Located<string>[]): string[] => entries.map((entry) => entry.value);
  return {
    requires: values(collection.requires),
    wants: values(collection.wants),
    after: values(collection.after),
    late: collection.late,
  };
}

function reportUnknown(
  input: ResolveInput,
  requested: readonly Located<string>[],
  unknown: UnknownName,
  problems: Problem[],
): void {
  const owner = input.collection(unknown.chain.at(-2) ?? '');
  const entries = owner === undefined ? requested : [...owner.requires, ...owner.wants];
  for (const entry of entries.filter(({ value }) => value === unknown.name)) {
    problems.push(unknownCollection(input, entry, unknown.chain));
  }
}

function unknownCollection(input: ResolveInput, entry: Located<string>, chain: readonly string[]): Problem {
  const way = chain.length > 1 ? `: ${chain.join(' → ')}` : '';
  const known = input.all().map((collection) => collection.name);
  const message = `unknown collection "${entry.value}"${way}`;
  // Names start below the directories of collections; people write the path that they see.
  const below = entry.value.replace(/^(?:collections\/)?(?:local\/)?/, '');
  return problemAt(entry.source, entry.path, message, didYouMean(known.includes(below) ? below : entry.value, known));
}

function reportCycle(input: ResolveInput, cycle: readonly string[], problems: Problem[]): void {
  const [first = '', second = ''] = cycle;
  const collection = input.collection(first);
  if (collection === undefined) return;
  const link = [...collection.requires, ...collection.after].find((entry) => entry.value === second);
  const message = `collections wait for each other: ${cycle.join(' → ')}`;
  const late = cycle.find((name) => input.collection(name)?.late === true);
  const hint = late === undefined ? {} : { hint: `${late} comes after all others (after: '*')` };
  problems.push(problemAt(collection.source, link?.path ?? ['after'], message, hint));
}

/** Checks that a term of a condition names something and compares it with a value that it can have. */
export function checkTerm(term: Located<Term>, table: OptionTable, problems: Problem[]): void {
  const { name, values = [] } = term.value;
  const reject = (message: string, more: { hint?: string }): void => {
    problems.push(problemAt(term.source, term.path, message, more));
  };
  const builtin = name === 'suite' ? SUITE_NAMES : name === 'architecture' ? ARCHITECTURES : undefined;
  if (builtin !== undefined) {
    for (const value of values.filter((wanted) => !builtin.some((known) => known === wanted))) {
      reject(`${JSON.stringify(value)} is no ${name}`, didYouMean(value, builtin));
    }
    return;
  }
  if (name === 'disk' || name.startsWith('disk:')) {
    if (!isDiskCondition(name)) {
      reject(`nothing about the disk is called "${name}"`, didYouMean(name, DISK_CONDITIONS));
    } else if (values.length > 0) reject(`"${name}" has no value`, { hint: `write ${name} or !${name}` });
    return;
  }
  const option = table.declared.get(name) ?? table.elsewhere().get(name);
  if (option === undefined) {
    const unknown = unknownOption(table, name);
    reject(unknown.message, unknown.hint === undefined ? {} : { hint: unknown.hint });
    return;
  }
  const { declaration } = option;
  if (declaration?.type === 'boolean' || declaration?.type === 'enum') {
    const known = declaration.type === 'enum' ? declaration.values : ['true', 'false'];
    for (const value of values.filter((wanted) => !known.includes(wanted))) {
      reject(`option "${name}" never is ${JSON.stringify(value)}`, didYouMean(value, known));
    }
  } else if (values.length > 0 && (declaration?.type === 'secret' || declaration?.type === 'records')) {
    reject(`option "${name}" cannot be compared with a value`, { hint: `write ${name} or !${name}` });
  } else if (declaration?.type === 'integer') {
    for (const value of values.filter((wanted) => !checkValue(declaration, Number(wanted)).ok)) {
      reject(`option "${name}" never is ${JSON.stringify(value)}`, {});
    }
  }
}
