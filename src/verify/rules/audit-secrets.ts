import type { TreeFacts } from '../facts.js';
import { linesOf } from '../tree.js';
import { ruleOn, when, type Offence, type Rule } from '../types.js';

/** The beginning of every private key that OpenSSL, OpenSSH, GnuPG and its agent, PuTTY, WireGuard or age writes. */
const PRIVATE_KEY =
  /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\r?\n|^(?:Key: )?\((?:\d+:)?(?:protected-)?private-key\b|^PuTTY-User-Key-File-\d: |^PrivateKey\s*=\s*[A-Za-z0-9+/]{43}=|AGE-SECRET-KEY-1[0-9A-Z]{58}/m;

/** A PEM file in base64, as in the configuration of kubectl. */
const PACKED_PEM = /LS0tLS1CRUdJTi[A-Za-z0-9+/]{2,}/g;

/** RFC 7292: what a PFX of version 3 begins with, behind its length; and its bags of keys, which lie there in clear. */
const PFX_VERSION = '\x02\x01\x03\x30';
const KEY_BAGS = ['\x01', '\x02'].map((kind) => `\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x0a\x01${kind}`);

/** What systemd-creds(1) encrypts with. */
const CREDENTIAL_KEY = 'var/lib/systemd/credential.secret';

function holdsPrivateKey(text: string): boolean {
  if (PRIVATE_KEY.test(text)) return true;
  const pfx = text.startsWith('\x30') && text.slice(2, 10).includes(PFX_VERSION);
  if (pfx && KEY_BAGS.some((bag) => text.includes(bag))) return true;
  return (text.match(PACKED_PEM) ?? []).some((packed) => {
    return PRIVATE_KEY.test(Buffer.from(packed, 'base64').toString('latin1'));
  });
}

/** Tokens that services make recognisable so that they are found where they do not belong. */
const TOKENS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['an access key of AWS', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/],
  ['a token of GitHub', /\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,})\b/],
  ['a token of GitLab', /\bglpat-[\w-]{20}\b/],
  ['a token of Slack', /\bxox[abprs]-[0-9A-Za-z-]{10,}/],
  ['a key of Google', /\bAIza[\w-]{35}\b/],
  ['a login of a container registry', /"auth"\s*:\s*"[A-Za-z0-9+/]{6,}={0,2}"/],
  ['a passphrase of a wireless network', /^(?:(?:psk|wpa_passphrase|Passphrase|PreSharedKey)\s*=\s*|wpa-psk\s+)\S/],
  ['an address with a password', /\b[a-z][a-z0-9+]*:\/\/[^\s/:@"'<>$%{}]+:[^\s/:@"'<>$%{}]{3,}@[a-z0-9.-]+/i],
];

/** Beginnings of the key material of public keys whose private halves everybody has. */
const KNOWN_PUBLIC_KEYS: readonly (readonly [name: string, key: string])[] = [
  [
    'Vagrant',
    'AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucXzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ',
  ],
  ['Vagrant', 'AAAAC3NzaC1lZDI1NTE5AAAAIN1YdxBpNlzxDqfJyw/QKow1F+wvG9hXGoqiysfJOn5Y'],
];

const HOST_KEY = /^etc\/(ssh\/ssh_host_\w+_key|dropbear\/dropbear_\w+_host_key)$/;

/** Paths whose text shows a secret, with what it shows. */
function offences(tree: TreeFacts, shows: (path: string, text: string) => string | undefined): Offence[] {
  return [...tree.texts].flatMap(([path, text]) => {
    const message = shows(path, text);
    return message === undefined ? [] : [{ message, where: `/${path}` }];
  });
}

interface Account {
  readonly name: string;
  readonly uid: string;
  readonly shell: string;
}

function accounts(tree: TreeFacts): Account[] {
  return linesOf(tree.texts.get('etc/passwd')).map((line) => {
    const [name = '', , uid = '', , , , shell = ''] = line.split(':');
    return { name, uid, shell };
  });
}

export const SECRET_RULES: readonly Rule[] = [
  ruleOn('tree', [], {
    id: 'AUD-HOST-KEYS',
    severity: 'error',
    title: 'No SSH host keys are in the image',
    source: 'whoever has the image can pretend to be each machine that was made from it',
    advice: 'remove /etc/ssh/ssh_host_*; the first boot makes new ones',
    check: (tree) =>
      [...tree.entries.keys()]
        .filter((path) => HOST_KEY.test(path))
        .map((path) => ({ message: 'a host key', where: `/${path}` })),
  }),
  ruleOn('tree', [], {
    id: 'AUD-PRIVATE-KEYS',
    severity: 'error',
    title: 'No private keys are in /etc, /root, /home and /var',
    source: 'every copy of the image holds it, and images are passed on',
    advice: 'make the key on the machine, or bring it there another way',
    check: (tree) =>
      offences(tree, (path, text) => {
        if (path === CREDENTIAL_KEY) return 'opens the credentials of each machine';
        return !HOST_KEY.test(path) && holdsPrivateKey(text) ? 'holds a private key' : undefined;
      }),
  }),
  ruleOn('tree', [], {
    id: 'AUD-TOKENS',
    severity: 'error',
    title: 'No tokens of services, no logins and no passphrases of networks are in the image',
    source: 'they work for whoever finds them',
    advice: 'remove it from the file, and have it revoked',
    check: (tree) =>
      offences(tree, (path, text) => {
        // Documentation of packages is full of examples.
        if (path.startsWith('usr/share/doc/')) return undefined;
        const hit = TOKENS.find(([, pattern]) => linesOf(text).some((line) => pattern.test(line)));
        return hit === undefined ? undefined : `holds ${hit[0]}`;
      }),
  }),
  ruleOn('tree', [], {
    id: 'AUD-KNOWN-KEYS',
    severity: 'error',
    title: 'No published key may log in',
    source: 'everybody has the private half',
    advice: 'remove the line',
    check: (tree) =>
      offences(tree, (path, text) => {
        if (!path.includes('authorized_keys')) return undefined;
        const known = KNOWN_PUBLIC_KEYS.find(([, key]) => text.includes(key));
        return known === undefined ? undefined : `holds the published key of ${known[0]}`;
      }),
  }),
  ruleOn('tree', [], {
    id: 'AUD-KEY-PLACEHOLDER',
    severity: 'warning',
    title: 'Keys that may log in are keys',
    source: 'with a placeholder in its place nobody gets in',
    advice: 'set login.authorizedKeys',
    check: (tree) =>
      offences(tree, (path, text) => {
        if (!path.includes('authorized_keys')) return undefined;
        const odd = linesOf(text).find(
          (line) => !/\b(ssh|ecdsa|sk-ssh|sk-ecdsa)-\S+\s+AAAA[A-Za-z0-9+/]{20,}={0,3}(\s|$)/.test(line),
        );
        return odd === undefined ? undefined : `no key: ${odd.slice(0, 40)}`;
      }),
  }),
  ruleOn('tree', [], {
    id: 'AUD-EMPTY-PASSWORD',
    severity: 'error',
    title: 'No account has an empty password',
    source: 'whoever knows its name may log in at the console',
    advice: 'set a password, or lock the account with *',
    check: (tree) =>
      ['etc/shadow', 'etc/passwd'].flatMap((file) =>
        linesOf(tree.texts.get(file))
          .filter((line) => line.split(':')[1] === '')
          .map((line) => ({ message: `${line.split(':')[0] ?? ''} has an empty password`, where: `/${file}` })),
      ),
  }),
  ruleOn('tree', [], {
    id: 'AUD-KNOWN-PASSWORD',
    severity: 'error',
    title: 'No account has a password that everybody tries first',
    source: 'the password is published: in manuals, in examples of profiles, or because it is the account’s name',
    advice: 'set another password, or none',
    check: ({ knownPasswords }) =>
      knownPasswords.map(({ account, password }) => ({
        message: `the password of ${account} is ${password}`,
        where: '/etc/shadow',
      })),
  }),
  ruleOn('tree', [], {
    id: 'AUD-WEAK-HASH',
    severity: 'warning',
    title: 'Hashes of passwords are of a kind that is slow to try',
    source: 'crypt(5): DES and MD5 are tried by the billion a second',
    advice: 'set the password again; Debian makes yescrypt',
    check: (tree) =>
      linesOf(tree.texts.get('etc/shadow')).flatMap((line) => {
        const [name = '', hash = ''] = line.replace(/^([^:]*:)!+/, '$1').split(':');
        const weak = /^(\$1\$|[./0-9A-Za-z]{13}$|_[./0-9A-Za-z]{19}$)/.test(hash);
        return when(weak, `the hash of ${name} is DES or MD5`, '/etc/shadow');
      }),
  }),
  ruleOn('tree', [], {
    id: 'AUD-ROOT-ACCOUNTS',
    severity: 'error',
    title: 'root alone has the user id 0',
    source: 'another account with that id is root under a name that nobody watches',
    advice: 'remove the account',
    check: (tree) =>
      accounts(tree)
        .filter(({ name, uid }) => uid === '0' && name !== 'root')
        .map(({ name }) => ({ message: `${name} has the id 0`, where: '/etc/passwd' })),
  }),
  ruleOn('luks', [], {
    id: 'AUD-KNOWN-PASSPHRASE',
    severity: 'error',
    title: 'No published passphrase opens an encrypted layer',
    source: 'the examples of profiles and the predecessor’s documentation print theirs',
    advice: 'set another with disk.luks.passphrase, or cryptsetup luksChangeKey',
    check: (layers) =>
      layers
        .filter(({ passphrase }) => passphrase !== '')
        .map(({ where, passphrase }) => ({ message: `the passphrase is ${passphrase}`, where })),
  }),
];
