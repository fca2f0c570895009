import { flag, text, type Variable } from './variable.js';
import type { Assignment } from './assignments.js';

/** Collections of the predecessor that have another name now; the other ones kept theirs. */
const RENAMED: Readonly<Record<string, string>> = {
  'targets/lxc/default': 'targets/lxc',
  'targets/vm/kvm/default': 'targets/vm/kvm',
  'targets/vm/hyper-v/default': 'targets/vm/hyper-v',
  'targets/vm/esxi/default': 'targets/vm/esxi',
  'targets/hardware/bios/default': 'targets/hardware/bios',
  'targets/hardware/uefi/default': 'targets/hardware/uefi',
  'targets/hardening/default': 'targets/hardening',
  'hardening/network/base': 'hardening/network',
};

/** Collections that the predecessor came with: its own, and nobody's to bring over. */
export const OWN_COLLECTIONS: ReadonlySet<string> = new Set([
  ...Object.keys(RENAMED),
  ...['base', 'systemd', 'default', 'lxc/base', 'nftables', 'proxmox-pve', 'unattended-upgrades'],
  ...['bootable/base', 'bootable/bios', 'bootable/uefi', 'hardware/base', 'hardware/bios', 'hardware/uefi'],
  ...['vm/base', 'vm/uefi', 'vm/kvm', 'vm/hyper-v', 'vm/esxi', 'netconfig/systemd-networkd'],
  ...['firstboot/base', 'firstboot/systemd', 'firstboot/vm', 'roles/nginx/base', 'roles/nginx/default'],
]);

/** What a collection is called now; those of the user lost the `local/`. */
export function collectionName(old: string): string {
  return RENAMED[old] ?? old.replace(/^local\//, '');
}

/**
 * Options for the variables that a collection of the user declares, by variable: `OFEAT_WEB_TLS` is `web.tls`, and
 * `OFEAT_WEB` alone `web.enable`.
 *
 * @param taken names that are options already.
 */
export function optionsFor(declared: readonly Assignment[], taken: ReadonlySet<string>): Map<string, DeclaredVariable> {
  const groups = new Set(
    declared.map(({ name }) => wordsOfName(name)).flatMap(([group, ...rest]) => (rest.length > 0 ? [group] : [])),
  );
  const result = new Map<string, DeclaredVariable>();
  const used = new Set(taken);
  const clashes = (name: string): boolean =>
    used.has(name) || [...used].some((other) => other.startsWith(`${name}.`) || name.startsWith(`${other}.`));
  for (const assignment of declared) {
    const isSwitch = assignment.name.startsWith('OFEAT_') && /^\s*[01]?\s*$/.test(assignment.value);
    const [first = 'option', ...rest] = wordsOfName(assignment.name);
    const alone = isSwitch ? `${first}.enable` : groups.has(first) ? `${first}.value` : first;
    let option = rest.length === 0 ? alone : `${first}.${camel(rest)}`;
    while (clashes(option)) option = option.startsWith('local.') ? `${option}Too` : `local.${camel(option.split('.'))}`;
    used.add(option);
    const secret = /_password$/i.test(assignment.name);
    const type = secret ? 'secret' : isSwitch ? 'boolean' : 'string';
    result.set(assignment.name, { assignment, option, type, variable: variableFor(option, type, assignment.name) });
  }
  return result;
}

/** An option that is made of a declaration. */
export interface DeclaredVariable {
  readonly assignment: Assignment;
  readonly option: string;
  readonly type: 'boolean' | 'string' | 'secret';
  readonly variable: Variable;
}

function variableFor(option: string, type: DeclaredVariable['type'], name: string): Variable {
  if (type === 'boolean') return flag(option);
  if (type === 'string') return text(option);
  return {
    options: [option],
    to: (value) => {
      if (value === '') return [];
      if (value.startsWith('$')) return [{ option, value: { value } }];
      return [
        { option, value: { env: name } },
        { told: `the password is not copied: it comes from the environment, $${name}` },
      ];
    },
    // Without a password there is none: that is no error.
    shell: `$({ secret ${option} || :; } | dbuild_hash ${name})`,
  };
}

/** Words of a variable's name, in lower case, without its prefix; the first one begins with a letter. */
function wordsOfName(name: string): string[] {
  const words = name
    .replace(/^(?:OFEAT|OCONF|DBUILD)_/, '')
    .toLowerCase()
    .split('_')
    .filter((word) => word !== '');
  return /^[a-z]/.test(words[0] ?? '') ? words : ['local', ...words];
}

function camel(words: readonly string[]): string {
  return words.map((word, n) => (n === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join('');
}
