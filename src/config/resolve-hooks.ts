import type { DeclaredOption } from './collection.js';
import type { HookFile } from './content.js';
import { problemAt } from './document.js';
import type { Problem } from '../errors.js';
import { optionEnvName } from './options.js';
import { nearestOption, type OptionTable } from './resolve-layers.js';
import { didYouMean } from './suggest.js';

/** What a hook may read, by the names that stand in its text. */
export interface HookNeeds {
  readonly options: readonly string[];
  readonly secrets: readonly string[];
}

/** `secret NAME` where a command can stand; elsewhere it is prose (a here document, a message). */
const SECRET_CALL = /(?:^|[;&|({`!]|\b(?:if|then|else|elif|do|while|until))\s*secret\s+(["']?)([A-Za-z][\w.-]*)\1/g;

/** Names of the options and secrets of a hook, which it declares by mentioning them. */
export function scanHook(hook: HookFile, table: OptionTable, problems: Problem[]): HookNeeds {
  const variables = new Map<string, DeclaredOption>();
  for (const option of table.declared.values()) variables.set(optionEnvName(option.name), option);
  const options = new Set<string>();
  const secrets = new Set<string>();
  for (const [index, line] of hook.text.split('\n').entries()) {
    if (/^\s*#/.test(line)) continue;
    for (const match of line.matchAll(/\bOPT_\w+/g)) {
      const found = variables.get(match[0]);
      if (found !== undefined) {
        if (found.declaration?.type === 'secret')
          report(match.index, `${match[0]} is a secret`, `use: secret ${found.name}`);
        else options.add(found.name);
        continue;
      }
      // ${OPT_X:-…} says that the hook can do without.
      const optional =
        line.slice(0, match.index).endsWith('${') && /^:?[-+]/.test(line.slice(match.index + match[0].length));
      const problem = unknownVariable(match[0], optional, variables, table);
      if (problem !== undefined) report(match.index, problem.message, problem.hint);
    }
    for (const match of line.matchAll(SECRET_CALL)) {
      const name = match[2] ?? '';
      const column = match.index + match[0].lastIndexOf(name);
      const found = table.declared.get(name);
      if (found === undefined) {
        if (table.elsewhere().get(name)?.declaration?.type !== 'secret') {
          report(column, `unknown secret "${name}"`, nearestOption(table, name).hint);
        }
      } else if (found.declaration !== undefined && found.declaration.type !== 'secret') {
        report(column, `option "${name}" is not a secret`, `use: "$${optionEnvName(name)}"`);
      } else {
        secrets.add(name);
      }
    }

    function report(column: number, message: string, hint: string | undefined): void {
      const place = { line: index + 1, col: column + 1 };
      const problem = { ...problemAt(hook.source, [], message), ...place };
      problems.push(hint === undefined ? problem : { ...problem, hint });
    }
  }
  return { options: [...options].sort(), secrets: [...secrets].sort() };
}

function unknownVariable(
  variable: string,
  optional: boolean,
  variables: ReadonlyMap<string, DeclaredOption>,
  table: OptionTable,
): { message: string; hint: string | undefined } | undefined {
  const foreign = [...table.elsewhere().values()].find((option) => optionEnvName(option.name) === variable);
  if (foreign === undefined) {
    return { message: `${variable} is the variable of no option`, hint: didYouMean(variable, variables.keys()).hint };
  }
  if (optional || table.incomplete) return undefined;
  return {
    message: `${variable} belongs to collection "${foreign.collection}", which is not part of this profile`,
    hint: `require it, or write \${${variable}:-} to do without`,
  };
}
