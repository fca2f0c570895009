import { problemAt } from './document.js';
import type { Problem } from '../errors.js';
import type { OptionLayer } from './resolve-layers.js';
import type { MergedOptions } from './resolve-options.js';
import { placeOf, strength } from './resolve-places.js';

/**
 * The options that name accounts and groups, by the option that turns them on. An account has a group of its name and
 * id, so that all of them share one space of names and one of ids.
 */
const MADE: readonly { readonly enable: string; readonly name: string; readonly id: string }[] = [
  { enable: 'login.enable', name: 'login.user', id: 'login.uid' },
  { enable: 'unprivileged.enable', name: 'unprivileged.user', id: 'unprivileged.uid' },
  { enable: 'control.enable', name: 'control.user', id: 'control.uid' },
  { enable: 'sshd.enable', name: 'sshd.loginGroup', id: 'sshd.loginGid' },
  { enable: 'sshd.enable', name: 'sshd.shellGroup', id: 'sshd.shellGid' },
  { enable: 'sshd.enable', name: 'sshd.forwardingGroup', id: 'sshd.forwardingGid' },
];

/**
 * Accounts and groups that cannot be made beside each other or beside root. Hooks would tell, too, but only after all
 * packages are installed.
 *
 * @param layers where options get values, the weakest first.
 */
export function checkAccounts(options: MergedOptions, layers: readonly OptionLayer[], problems: Problem[]): void {
  const made = MADE.filter(({ enable }) => options.values[enable] === true);
  const tell = (option: string, message: string, hint: string): void => {
    const place = placeOf(option, options, layers);
    // Declared defaults do not clash with each other.
    if (place === undefined) throw new Error(`nobody has given ${option} a value`);
    const { source, path } = place;
    problems.push(problemAt(source, path, message, { hint }));
  };
  for (const kind of ['name', 'id'] as const) {
    const given = made.map((entry) => entry[kind]).filter((option) => option in options.values);
    given.forEach((option, index) => {
      const value = JSON.stringify(options.values[option]);
      const hint = `each account and group needs ${kind === 'id' ? 'an id' : 'a name'} of its own`;
      if (value === '"root"') tell(option, '"root" is the administrator of every image', hint);
      for (const before of given.slice(0, index)) {
        if (options.values[before] !== options.values[option]) continue;
        // Whoever was given last is the one that does not fit.
        const first = strength(before, options, layers) > strength(option, options, layers);
        const [wrong, other] = first ? [before, option] : [option, before];
        tell(wrong, `${value} is the value of ${other}, too`, hint);
      }
    });
  }
}
