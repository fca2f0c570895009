import { nearest } from '../config/suggest.js';
import type { Assignment } from './assignments.js';
import { collectionName } from './names.js';
import { noteOn, type Note } from './note.js';
import { isOn, wordsOf, type Values, type Variable } from './variable.js';
import { ACCUMULATING, ALIASES, PROFILE_VARIABLES, VARIABLES } from './variables.js';

/** What the assignments of a file mean today. */
export interface Settings {
  readonly suite: string | undefined;
  readonly architecture: string | undefined;
  readonly collections: readonly { readonly name: string; readonly at: Assignment }[] | undefined;
  readonly options: ReadonlyMap<string, unknown>;
  readonly packages: readonly string[];
  readonly notes: readonly Note[];
  /** How many variables were mapped to something. */
  readonly mapped: number;
}

/** What is known beside the file. */
export interface Surroundings {
  /** Assignments that applied before: those of the site's defaults, for a profile. */
  readonly before: readonly Assignment[];
  /** Variables of the user's own collections. */
  readonly own: ReadonlyMap<string, Variable>;
  /** Why a file of this kind cannot have an option; undefined when it can. */
  readonly refuse: (option: string) => { readonly kind: Note['kind']; readonly message: string } | undefined;
}

/** Maps the assignments of a profile, the defaults, or a collection's settings. */
export function settingsOf(assignments: readonly Assignment[], around: Surroundings): Settings {
  const notes: Note[] = [];
  const own = merged(assignments, notes);
  const before = merged(around.before, []);
  const values = valuesOf(before, own, around.own);
  const known = (name: string): Variable | undefined => around.own.get(name) ?? VARIABLES[name];
  const options = new Map<string, unknown>();
  const packages: string[] = [];
  let mapped = 0;
  for (const at of concerned(own, before, known)) {
    const { name } = at;
    if (Object.hasOwn(PROFILE_VARIABLES, name)) continue;
    const variable = known(name);
    if (variable === undefined) {
      const near = nearest(name, [...Object.keys(VARIABLES), ...around.own.keys()]);
      const hint = near === undefined ? undefined : `did you mean ${near}?`;
      notes.push(noteOn(at, 'lost', 'no such variable is known', hint));
      continue;
    }
    for (const outcome of variable.to(values.get(name) ?? '', values)) {
      if ('lost' in outcome) notes.push(noteOn(at, 'lost', outcome.lost));
      else if ('told' in outcome) notes.push(noteOn(at, 'told', outcome.told));
      else if ('packages' in outcome) packages.push(...outcome.packages);
      else {
        const refused = around.refuse(outcome.option);
        if (refused === undefined) options.set(outcome.option, outcome.value);
        else notes.push(noteOn(at, refused.kind, refused.message));
      }
    }
    mapped += 1;
  }
  const collections = own.get('DBUILD_TARGET_COLLECTIONS');
  return {
    suite: own.get('DBUILD_TARGET_CODENAME')?.value,
    architecture: own.get('DBUILD_TARGET_ARCH')?.value,
    collections:
      collections === undefined
        ? undefined
        : wordsOf(collections.value).map((name) => ({ name: collectionName(name), at: collections })),
    options,
    packages,
    notes,
    mapped,
  };
}

/** The last assignment of each variable by its present name, or what they add up to. */
function merged(assignments: readonly Assignment[], notes: Note[]): Map<string, Assignment> {
  const result = new Map<string, Assignment>();
  for (const assignment of assignments) {
    const name = ALIASES[assignment.name] ?? assignment.name;
    if (name !== assignment.name) notes.push(noteOn(assignment, 'told', `read as ${name}`));
    const earlier = ACCUMULATING.has(name) ? result.get(name)?.value : undefined;
    const value = [earlier ?? '', assignment.value].filter((part) => part !== '').join(' ');
    result.set(name, { ...assignment, name, value: earlier === undefined ? assignment.value : value });
  }
  return result;
}

function valuesOf(
  before: ReadonlyMap<string, Assignment>,
  own: ReadonlyMap<string, Assignment>,
  ours: ReadonlyMap<string, Variable>,
): Values {
  const get = (name: string): string | undefined => {
    const [early, late] = [before.get(name)?.value, own.get(name)?.value];
    // The command line of the kernel is one option, which replaces that of the defaults; lists of ports add up by themselves.
    if (name === 'OCONF_BOOT_CMDLINE' && early !== undefined && late !== undefined) return `${early} ${late}`.trim();
    return late ?? early;
  };
  return { get, on: (name) => isOn(get(name) ?? (ours.get(name) ?? VARIABLES[name])?.usual ?? '0') };
}

/** What a file assigns, and what was assigned before it that counts differently by a switch of this file. */
function concerned(
  own: ReadonlyMap<string, Assignment>,
  before: ReadonlyMap<string, Assignment>,
  known: (name: string) => Variable | undefined,
): Assignment[] {
  const woken = [...before.values()].filter(({ name }) => {
    const gate = known(name)?.gate;
    return gate !== undefined && own.has(gate) && !own.has(name);
  });
  return [...own.values(), ...woken];
}
