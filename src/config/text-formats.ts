import { isIPv4, isIPv6 } from 'node:net';
import type { FieldDeclaration, OptionDeclaration } from './declarations.js';

/** What a text can be that a regular expression tells only badly. */
interface TextFormat {
  /** For messages: `expected …, found …`. */
  readonly expects: string;
  /** For editors, which get no more: lets some through that do not fit. */
  readonly pattern: string;
  readonly fits: (text: string) => boolean;
}

const OCTET = '(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const V4 = `${OCTET}(?:\\.${OCTET}){3}`;
const V6 = '[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*';
const V4_LENGTH = '(?:3[0-2]|[12]?[0-9])';
const V6_LENGTH = '(?:12[0-8]|1[01][0-9]|[1-9]?[0-9])';

/** Formats that options may ask for with `format`. */
export const TEXT_FORMATS = {
  ipv4: { expects: 'an IPv4 address, such as 192.0.2.1', pattern: V4, fits: isIPv4 },
  ipv6: { expects: 'an IPv6 address, such as 2001:db8::1', pattern: V6, fits: isPlainIPv6 },
  ip: {
    expects: 'an IPv4 or IPv6 address',
    pattern: `${V4}|${V6}`,
    fits: (text) => isIPv4(text) || isPlainIPv6(text),
  },
  // What is local to a link needs to say to which.
  'scoped-ip': {
    expects: 'an IPv4 or IPv6 address, such as 192.0.2.53 or fe80::1%eth0',
    pattern: `${V4}|${V6}(?:%[A-Za-z0-9._-]+)?`,
    fits: (text) => isIPv4(text) || isIPv6(text),
  },
  'ipv4-network': {
    expects: 'an IPv4 network or address with its length, such as 192.0.2.10/24',
    pattern: `${V4}/${V4_LENGTH}`,
    fits: isNetworkV4,
  },
  'ipv6-network': {
    expects: 'an IPv6 network or address with its length, such as 2001:db8::10/64',
    pattern: `${V6}/${V6_LENGTH}`,
    fits: isNetworkV6,
  },
  'ip-network': {
    expects: 'a network or an address with its length, such as 192.0.2.10/24',
    pattern: `${V4}/${V4_LENGTH}|${V6}/${V6_LENGTH}`,
    fits: (text) => isNetworkV4(text) || isNetworkV6(text),
  },
  'ip-or-network': {
    expects: 'an address or a network, such as 192.0.2.0/24',
    pattern: `${V4}(?:/${V4_LENGTH})?|${V6}(?:/${V6_LENGTH})?`,
    fits: (text) => isIPv4(text) || isPlainIPv6(text) || isNetworkV4(text) || isNetworkV6(text),
  },
  interface: {
    expects:
      'the name of an interface: at most 15 letters, digits, _, . and -, beginning with a letter; not lo, all, default',
    pattern: '[A-Za-z][A-Za-z0-9_.-]{0,14}',
    // The kernel has an lo already, and these directories below /proc/sys/net/ipv4/conf (systemd, ifname_valid).
    fits: (text) => /^[A-Za-z][A-Za-z0-9_.-]{0,14}$/.test(text) && !['lo', 'all', 'default'].includes(text),
  },
} as const satisfies Readonly<Record<string, TextFormat>>;

/** Names of the formats, for schemas. */
export const TEXT_FORMAT_NAMES = Object.keys(TEXT_FORMATS) as [keyof typeof TEXT_FORMATS];

/** What an option says about its text. */
export interface TextRule {
  readonly pattern?: string | undefined;
  readonly format?: keyof typeof TEXT_FORMATS | undefined;
  readonly expects?: string | undefined;
}

/** What a declaration says about its text, or about each of its texts; nothing when it is about something else. */
export function textRule(declaration: FieldDeclaration | OptionDeclaration): TextRule {
  if (declaration.type === 'string') return declaration;
  if (declaration.type !== 'list') return {};
  const { item: pattern, format, expects } = declaration;
  return { pattern, format, expects };
}

/** What a text is to be, in words; undefined when nobody has said it. */
export function expectationOf({ format, expects }: TextRule): string | undefined {
  return expects ?? (format === undefined ? undefined : TEXT_FORMATS[format].expects);
}

/** The regular expression that editors and people are shown; undefined when any text will do. */
export function patternOf({ format, pattern }: TextRule): string | undefined {
  return pattern ?? (format === undefined ? undefined : TEXT_FORMATS[format].pattern);
}

/** What is wrong with a text; undefined when nothing is. */
export function textFault(rule: TextRule, text: string): string | undefined {
  const { pattern, format } = rule;
  const fits =
    (pattern === undefined || new RegExp(wholePattern(pattern), 'u').test(text)) &&
    (format === undefined || TEXT_FORMATS[format].fits(text));
  if (fits) return undefined;
  const expects = expectationOf(rule);
  const found = JSON.stringify(text);
  // In the declaration's words; collections of users may have none.
  return expects === undefined ? `${found} does not match ${pattern ?? ''}` : `expected ${expects}, found ${found}`;
}

/** Patterns describe the whole value, whether or not they are written with ^ and $. */
export function wholePattern(pattern: string): string {
  return pattern.startsWith('^') && pattern.endsWith('$') && !pattern.includes('|') ? pattern : `^(?:${pattern})$`;
}

/** Node takes a zone (fe80::1%eth0) as part of an address. */
function isPlainIPv6(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

function isNetworkV4(text: string): boolean {
  return isNetwork(text, isIPv4, 32);
}

function isNetworkV6(text: string): boolean {
  return isNetwork(text, isPlainIPv6, 128);
}

function isNetwork(text: string, isAddress: (text: string) => boolean, bits: number): boolean {
  const [, address = '', length = ''] = /^([^/]*)\/(0|[1-9][0-9]{0,2})$/.exec(text) ?? [];
  return isAddress(address) && Number(length) <= bits;
}
