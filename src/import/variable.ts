/** What came of a variable in a file. */
export type Outcome =
  | { readonly option: string; readonly value: unknown }
  | { readonly packages: readonly string[] }
  /** There is nothing like it: somebody has to look after it. */
  | { readonly lost: string }
  /** It was taken over, or is not needed any more, and the reader should know how. */
  | { readonly told: string };

/** The merged values of a file and of what applied before it. */
export interface Values {
  readonly get: (name: string) => string | undefined;
  /** Is the switch on? Without a value it has the default that the predecessor declared. */
  readonly on: (name: string) => boolean;
}

/** How a variable of the predecessor is mapped. */
export interface Variable {
  /** Options that it ends in, for the reference. */
  readonly options: readonly string[];
  readonly to: (value: string, values: Values) => readonly Outcome[];
  /** Its value as shell text, from what hooks are given now; without, hooks cannot have it. */
  readonly shell?: string;
  /** The switch that it counts with; it is looked at again when that one changes. */
  readonly gate?: string;
  /** What the predecessor had for it, where that decides about others. */
  readonly usual?: string;
  /** How conditions ask for it: as a switch, or for its value. */
  readonly test?: 'flag' | 'text';
  /** A word for the reference where the option alone does not tell. */
  readonly remark?: string;
}

/** On as shell arithmetic and Python saw it: nothing but 1. */
export function isOn(value: string): boolean {
  return /^\s*0*1\s*$/.test(value);
}

/** What to say of a switch that is neither 0 nor 1; the predecessor printed an error of the shell and went on. */
export function oddSwitch(value: string): Outcome[] {
  if (/^\s*0*[01]?\s*$/.test(value)) return [];
  return [{ told: `${JSON.stringify(value)} is neither 0 nor 1, which meant off and is written so` }];
}

/** Name of the variable of an option in hooks, as a default-less expansion that may be missing. */
export function fromOption(option: string, operator = '-'): string {
  const words = option.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/[.-]/g, '_');
  return `\${OPT_${words.toUpperCase()}${operator}}`;
}

/** A switch that is one still. */
export function flag(option: string, more: Pick<Variable, 'usual' | 'remark'> = {}): Variable {
  return {
    options: [option],
    to: (value) => [{ option, value: isOn(value) }, ...oddSwitch(value)],
    shell: `$(dbuild_flag "${fromOption(option)}")`,
    test: 'flag',
    ...more,
  };
}

/** A text that is one still. */
export function text(option: string, more: Pick<Variable, 'gate' | 'remark' | 'shell'> = {}): Variable {
  return gated({
    options: [option],
    to: (value) => [{ option, value }],
    shell: fromOption(option),
    test: 'text',
    ...more,
  });
}

/** Words with blanks between them, now a list. */
export function list(
  option: string,
  separator = /\s+/,
  more: Pick<Variable, 'gate' | 'remark' | 'shell'> = {},
): Variable {
  return gated({
    options: [option],
    to: (value) => [{ option, value: wordsOf(value, separator) }],
    shell: `$(dbuild_words "${fromOption(option)}")`,
    remark: 'a list',
    ...more,
  });
}

/** A whole number. */
export function number(option: string): Variable {
  return {
    options: [option],
    to: (value) =>
      /^\d{1,9}$/.test(value) ? [{ option, value: Number(value) }] : [{ lost: `"${value}" is not a whole number` }],
    shell: fromOption(option),
  };
}

/** A size: `2G`, `10%`. */
export function size(option: string, more: Pick<Variable, 'gate' | 'remark'> = {}): Variable {
  return gated({ options: [option], to: (value) => sizeOf(option, value), shell: fromOption(option), ...more });
}

/** The size of something that exists when a switch says so, and has size 0 otherwise. */
export function sizeWith(option: string, gate: string): Variable {
  return { ...size(option), gate, to: (value, { on }) => (on(gate) ? sizeOf(option, value) : []) };
}

function sizeOf(option: string, value: string): Outcome[] {
  return /^\d+(\.\d+)?[kKmMgGtT]?$|^\d{1,3}%$/.test(value)
    ? [{ option, value }]
    : [{ lost: `"${value}" is not a size such as 512M or 20%` }];
}

/** A number of MiB without a unit. */
export function mebibytes(option: string): Variable {
  return {
    options: [option],
    to: (value) =>
      /^\d+$/.test(value) ? [{ option, value: `${value}m` }] : [{ lost: `"${value}" is no number of MiB` }],
    shell: `$(dbuild_mebibytes "${fromOption(option)}")`,
    remark: 'with its unit: 50 is `50m`',
  };
}

/** A password. A hash is taken over; one in clear has to come from the environment. */
export function password(option: string, variable: string): Variable {
  return {
    options: [option],
    to: (value) => {
      if (value === '' || value === '*') return [];
      if (value.startsWith('$')) return [{ option, value: { value } }];
      return [
        { option, value: { env: variable } },
        { told: `the password is not copied: it comes from the environment, $${variable}` },
      ];
    },
    remark: `hashes are copied, passwords in clear come from $${variable}`,
  };
}

const KEY =
  /^(\S.* )?(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp\d+|sk-[a-z0-9-]+@openssh\.com) AAAA[A-Za-z0-9+/]{40,}={0,3}( .*)?$/;

/** A line of authorized_keys. */
export function sshKey(option: string): Variable {
  return {
    options: [option],
    to: (value) => {
      const lines = value.split('\n').map((line) => line.trim());
      const keys = lines.filter((line) => line !== '');
      const bad = keys.filter((line) => !KEY.test(line));
      if (bad.length > 0) return [{ lost: `"${shorten(bad[0] ?? '')}" is no public key of OpenSSH` }];
      return keys.length === 0 ? [] : [{ option, value: keys }];
    },
    shell: fromOption(option),
    remark: 'a list',
  };
}

/** A switch that only decides whether others count. */
export function gateOf(option: string, usual = '0'): Variable {
  return {
    options: [option],
    to: oddSwitch,
    shell: `$(dbuild_flag "${fromOption(option, ':+true')}")`,
    usual,
    test: 'flag',
    remark: 'on where the option is set',
  };
}

/** What nothing has to be said about any more. */
export function gone(reason: string, shell?: string): Variable {
  return {
    options: [],
    to: () => [{ told: `not needed: ${reason}` }],
    ...(shell === undefined ? {} : { shell }),
    remark: `not needed: ${reason}`,
  };
}

function gated(variable: Variable): Variable {
  const { gate, to } = variable;
  if (gate === undefined) return variable;
  return {
    ...variable,
    to: (value, values) => {
      if (values.on(gate)) return to(value, values);
      return value === '' ? [] : [{ told: `counted only with ${gate}=1, which is not so: left out` }];
    },
  };
}

/** The parts of a text that are not empty. */
export function wordsOf(value: string, separator = /\s+/): string[] {
  return value.split(separator).filter((word) => word !== '');
}

function shorten(value: string): string {
  return value.length > 40 ? `${value.slice(0, 39)}…` : value;
}
