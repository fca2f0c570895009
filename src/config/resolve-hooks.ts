import type { HookFile } from './content.js';
import { problemAt } from './document.js';
import type { Problem } from '../errors.js';
import type { Phase } from './types.js';
import { DISK_VARIABLES } from './layout-uses.js';
import { optionEnvName } from './options.js';
import { unknownOption, type OptionTable } from './resolve-layers.js';
import { didYouMean } from './suggest.js';

/** What a hook may read, by the names that stand in its text. */
export interface HookNeeds {
  readonly options: readonly string[];
  readonly secrets: readonly string[];
  /** Variables that tell about the disk. */
  readonly disk: readonly string[];
}

/** `secret NAME` where a command can stand; elsewhere it is prose (a here document, a message). */
const SECRET_CALL = /(?:^|[;&|({`!]|\b(?:if|then|else|elif|do|while|until))\s*secret\s+["']?([\w.$@{-]+)/g;

/** Reports something about a column (from 0) of a line. */
type Report = (column: number, message: string, hint?: string) => void;

/** Names of the options and secrets of a hook, which it declares by mentioning them. */
export function scanHook(hook: HookFile, table: OptionTable, problems: Problem[]): HookNeeds {
  const options = new Set<string>();
  const secrets = new Set<string>();
  const disk = new Set<string>();
  for (const [index, line] of hook.text.split('\n').entries()) {
    if (/^\s*#/.test(line)) continue;
    const report: Report = (column, message, hint) => {
      const problem = problemAt(hook.source, [index + 1], message, hint === undefined ? {} : { hint });
      problems.push({ ...problem, col: column + 1 });
    };
    for (const name of optionsIn(line, table, report)) options.add(name);
    for (const name of secretsIn(line, hook.phase, table, report)) secrets.add(name);
    for (const name of diskIn(line, report)) disk.add(name);
  }
  return { options: [...options].sort(), secrets: [...secrets].sort(), disk: [...disk].sort() };
}

function optionsIn(line: string, table: OptionTable, report: Report): string[] {
  return [...line.matchAll(/\bOPT_\w+/g)].flatMap(({ index, 0: variable }) => {
    const found = table.variables.get(variable);
    if (found?.declaration?.type === 'secret') {
      report(index, `${variable} is a secret`, `use: secret ${found.name}`);
      return [];
    }
    if (found !== undefined) return [found.name];
    // ${OPT_X:-…} says that the hook can do without.
    const optional = line.slice(0, index).endsWith('${') && /^:?[-+]/.test(line.slice(index + variable.length));
    const problem = unknownVariable(variable, optional, table);
    if (problem !== undefined) report(index, problem.message, problem.hint);
    return [];
  });
}

function diskIn(line: string, report: Report): string[] {
  return [...line.matchAll(/\bDISK_\w+/g)].flatMap(({ index, 0: variable }) => {
    if (DISK_VARIABLES.some((known) => known === variable)) return [variable];
    report(index, `${variable} tells nothing about the disk`, didYouMean(variable, DISK_VARIABLES).hint);
    return [];
  });
}

function secretsIn(line: string, phase: Phase, table: OptionTable, report: Report): string[] {
  return [...line.matchAll(SECRET_CALL)].flatMap((match) => {
    const name = match[1] ?? '';
    const column = match.index + match[0].length - name.length;
    const found = table.declared.get(name);
    if (/[$@{]/.test(name)) {
      report(column, 'the name of a secret must be written out: only what a hook names is given to it');
    } else if (found === undefined) {
      if (table.elsewhere().get(name)?.declaration?.type !== 'secret') {
        report(column, `unknown secret "${name}"`, unknownOption(table, name).hint);
      }
    } else if (found.declaration !== undefined && found.declaration.type !== 'secret') {
      report(column, `option "${name}" is not a secret`, `use: "$${optionEnvName(name)}"`);
    } else if (phase !== 'customize') {
      // The layers before it are cached under keys that know of no secret, and profiles share them.
      report(
        column,
        `a hook of phase ${phase} is given no secret`,
        'do it in hooks/customize: that layer is not shared',
      );
    } else {
      return [name];
    }
    return [];
  });
}

function unknownVariable(
  variable: string,
  optional: boolean,
  table: OptionTable,
): { message: string; hint: string | undefined } | undefined {
  const foreign = [...table.elsewhere().values()].find((option) => optionEnvName(option.name) === variable);
  if (foreign === undefined) {
    return {
      message: `${variable} is the variable of no option`,
      hint: didYouMean(variable, table.variables.keys()).hint,
    };
  }
  if (optional || table.incomplete) return undefined;
  return {
    message: `${variable} belongs to collection "${foreign.collection}", which is not part of this profile`,
    hint: `require it, or write \${${variable}:-} to do without`,
  };
}
