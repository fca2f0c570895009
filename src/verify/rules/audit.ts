import type { Entry, TreeFacts } from '../facts.js';
import { linesOf } from '../tree.js';
import { ruleOn, when, type Offence, type Rule } from '../types.js';
import { SECRET_RULES } from './audit-secrets.js';
import { some } from './proxmox-ct.js';

/** Paths of files that fit, without directories. */
function files(tree: TreeFacts, fits: (path: string, entry: Entry) => boolean): string[] {
  return [...tree.entries]
    .filter(([path, entry]) => entry.kind !== 'directory' && fits(path, entry))
    .map(([path]) => path);
}

function found(paths: readonly string[], message: string): Offence[] {
  return some(paths, (path) => ({ message, where: `/${path}` }));
}

/** Variables that send programs through somebody's proxy. */
const PROXY = /^\s*(export\s+)?(https?|ftp|all)_proxy\s*=\s*\S|Acquire::(https?|ftp)::Proxy\s+"?[^";\s]/im;

/** Names that say nothing about the machine that they belong to. */
const COMMON_HOSTS = ['localhost', 'debian', 'imgbuild', 'ubuntu', 'linux', 'host', 'server', 'staging', 'runner'];

/** Where programs write down how their machine is called. */
const HOST_FILES = [
  'etc/hostname',
  'etc/hosts',
  'etc/mailname',
  'etc/postfix/main.cf',
  'etc/exim4/update-exim4.conf.conf',
  'etc/machine-info',
  'etc/resolv.conf',
];

/** What package managers and builds leave where it does harm. */
const LEFTOVERS =
  /\.(dpkg-(dist|old|new|tmp|remove|bak)|ucf-(dist|old|new)|orig|rej|swp)$|^(usr\/sbin\/policy-rc\.d|etc\/apt\/apt\.conf\.d\/\d*mmdebstrap|etc\/initramfs-tools\/.*-seed)$|^(tmp|var\/tmp)\/./;

/** Where clients of DHCP keep their addresses: dhclient, dhcpcd, NetworkManager, ConnMan. */
const LEASES = /^var\/(lib|db)\/(dhcp|dhcpcd|NetworkManager|connman)\/.*\.lease[6s]?$/;

const LOGS = /^var\/log\/.*(\.log(\.\d+)?(\.gz)?|\.journal~?|syslog|messages|term\.log|history\.log)$/;

const leakRules: readonly Rule[] = [
  ruleOn('tree', [], {
    id: 'AUD-MACHINE-ID',
    severity: 'error',
    title: 'The machine id is empty, missing or `uninitialized`',
    source: 'machine-id(5): copies with one id get the same addresses from DHCP, and their logs mix',
    advice: 'truncate /etc/machine-id as the last step',
    check: (tree) =>
      ['etc/machine-id', 'var/lib/dbus/machine-id'].flatMap((path) => {
        const text = (tree.texts.get(path) ?? '').trim();
        return when(text !== '' && text !== 'uninitialized', 'it is set', `/${path}`);
      }),
  }),
  ruleOn('tree', [], {
    id: 'AUD-RANDOM-SEED',
    severity: 'error',
    title: 'No random seed is in the image',
    source: 'systemd, Safely Building Images: machines that start from one seed draw the same numbers',
    advice: 'remove the file as the last step',
    check: (tree) =>
      found(
        files(
          tree,
          (path, { bytes }) => /(^|\/)(random-seed|urandom\/random-seed|system\.seed)$/.test(path) && bytes > 0,
        ),
        'a random seed',
      ),
  }),
  ruleOn('tree', [], {
    id: 'AUD-BUILD-HOST',
    severity: 'error',
    title: 'The name of the machine that built the image is not in it',
    source: 'bootstrapping copies /etc/hostname and /etc/resolv.conf of the machine that it runs on',
    advice: 'set the option hostname; remove the name from the file',
    check: (tree) => {
      const name = tree.buildHost.toLowerCase();
      if (name.length < 4 || COMMON_HOSTS.includes(name)) return [];
      const word = new RegExp(`(^|[^a-z0-9-])${name.replaceAll(/[^a-z0-9-]/g, '\\$&')}($|[^a-z0-9-])`, 'i');
      return found(
        HOST_FILES.filter((path) => word.test(tree.texts.get(path) ?? '')),
        `it says ${tree.buildHost}`,
      );
    },
  }),
  ruleOn('tree', [], {
    id: 'AUD-PROXY',
    severity: 'warning',
    title: 'No proxy of the build is set in the image',
    source: 'machines elsewhere cannot reach it: apt and everything else fails there',
    advice: 'use --apt-proxy, which is for the build alone',
    check: (tree) =>
      found(
        [...tree.texts]
          .filter(
            ([path, text]) =>
              /^etc\/(environment|apt\/apt\.conf|profile|default\/|wgetrc)/.test(path) && PROXY.test(uncommented(text)),
          )
          .map(([path]) => path),
        'sets a proxy',
      ),
  }),
  ruleOn('tree', [], {
    id: 'AUD-RESOLV-CONF',
    severity: 'warning',
    title: 'No name server of the machine that built the image is in it',
    source: 'a resolver of a private network answers nowhere else',
    advice: 'remove /etc/resolv.conf, or set the option for name servers',
    check: (tree) => {
      const servers = linesOf(tree.texts.get('etc/resolv.conf')).flatMap(
        (line) => /^nameserver\s+(\S+)/.exec(line)?.[1] ?? [],
      );
      return servers
        .filter(isPrivateAddress)
        .map((server) => ({ message: `it names ${server}`, where: '/etc/resolv.conf' }));
    },
  }),
  ruleOn('tree', [], {
    id: 'AUD-LEASES',
    severity: 'warning',
    title: 'No lease of an address is in the image',
    source: 'it tells of the network where the image was built, and all machines would ask for that one address',
    advice: 'remove the file as the last step',
    check: (tree) =>
      found(
        files(tree, (path, { bytes }) => bytes > 0 && LEASES.test(path)),
        'a lease',
      ),
  }),
  ruleOn('tree', [], {
    id: 'AUD-HISTORY',
    severity: 'error',
    title: 'No history of a shell or an editor is in the image',
    source: 'histories hold passwords that were mistyped, and addresses of other machines',
    advice: 'remove the file',
    check: (tree) =>
      found(
        files(
          tree,
          (path, { bytes }) =>
            bytes > 0 && /^(root|home\/[^/]+)\/(\.\w*_history|\.history|\.lesshst|\.viminfo|\.wget-hsts)$/.test(path),
        ),
        'a history',
      ),
  }),
  ruleOn('tree', [], {
    id: 'AUD-LOGS',
    severity: 'warning',
    title: 'No logs of the build are in the image',
    source: 'they tell when, where and through which mirror it was built, and make two builds differ',
    advice: 'remove them as the last step',
    check: (tree) =>
      found(
        files(tree, (path, { bytes }) => bytes > 0 && isLog(path) && saysSomething(tree.texts.get(path))),
        'a log',
      ),
  }),
  ruleOn('tree', [], {
    id: 'AUD-CLOUD-INIT',
    severity: 'error',
    title: 'cloud-init has never run',
    source: 'its instance data hold keys and passwords, and it does nothing where it believes to know the machine',
    advice: 'cloud-init clean --logs --seed',
    check: (tree) =>
      found(
        files(
          tree,
          (path) => /^var\/lib\/cloud\/(instances?|data|sem)\/./.test(path) || path === 'var/lib/cloud/instance',
        ),
        'data of an instance',
      ),
  }),
  ruleOn('tree', [], {
    id: 'AUD-LEFTOVERS',
    severity: 'warning',
    title: 'Nothing that a package manager or a build forgot is in the image',
    source: 'policy-rc.d keeps services from starting for ever; *.dpkg-dist and *.dpkg-old show what was changed',
    advice: 'remove the file',
    check: (tree) =>
      found(
        files(tree, (path) => LEFTOVERS.test(path) && !path.startsWith('usr/share/')),
        'a leftover',
      ),
  }),
];

const modeRules: readonly Rule[] = [
  ruleOn('tree', [], {
    id: 'AUD-WORLD-WRITABLE',
    severity: 'error',
    title: 'What everybody may write to is a directory with the sticky bit',
    source: 'any user could put something into the place of another’s file',
    advice: 'chmod o-w, or chmod +t for a directory that is meant so',
    check: (tree) =>
      some(
        [...tree.entries].filter(([, { kind, mode }]) => {
          const open = (mode & 0o002) !== 0;
          return open && (kind === 'file' || (kind === 'directory' && (mode & 0o1000) === 0));
        }),
        ([path, { mode }]) => ({ message: `has the mode ${mode.toString(8)}`, where: `/${path}` }),
      ),
  }),
  ruleOn('tree', [], {
    id: 'AUD-SETUID',
    severity: 'info',
    title: 'Programs that run as somebody else',
    source: 'each is a way to become another user, should it have a fault',
    advice: 'remove what the machine does not need: chmod ug-s, or the package',
    check: (tree) => {
      const names = files(tree, (_, { kind, mode }) => kind === 'file' && (mode & 0o6000) !== 0).sort();
      return when(names.length > 0, `${String(names.length)}: ${names.map((name) => `/${name}`).join(' ')}`);
    },
  }),
  ruleOn('tree', [], {
    id: 'AUD-SHADOW-MODE',
    severity: 'error',
    title: '/etc/shadow and private files of SSH are not readable by everybody',
    source: 'whoever may read the hash of a password can try passwords',
    advice: 'chmod 0640 /etc/shadow; chown root:shadow /etc/shadow',
    check: (tree) =>
      some(
        [...tree.entries].filter(([path, { kind, mode }]) => {
          return kind === 'file' && (mode & 0o004) !== 0 && /^etc\/(g?shadow-?|ssh\/ssh_host_\w+_key)$/.test(path);
        }),
        ([path, { mode }]) => ({ message: `has the mode ${mode.toString(8)}`, where: `/${path}` }),
      ),
  }),
];

function isLog(path: string): boolean {
  return LOGS.test(path) || /^var\/log\/(btmp|wtmp|lastlog|faillog)$/.test(path);
}

/** Until bullseye, adding an account fills lastlog and faillog up with zeros: nobody has logged in. */
function saysSomething(text: string | undefined): boolean {
  return text === undefined || /[^\0]/.test(text);
}

function uncommented(text: string): string {
  return text
    .split('\n')
    .filter((line) => !/^\s*(#|\/\/)/.test(line))
    .join('\n');
}

/** RFC 1918, RFC 4193 and link-local: a resolver there is somebody's own. Loopback is the machine's own. */
function isPrivateAddress(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|169\.254\.|f[cd][0-9a-f]{2}:|fe80:)/i.test(address);
}

/** What an image gives away: about the machine that built it, about secrets, and to whoever has an account. */
export const AUDIT_RULES: readonly Rule[] = [...leakRules, ...SECRET_RULES, ...modeRules];
