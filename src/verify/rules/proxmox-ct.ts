import type { Member, TreeFacts } from '../facts.js';
import { debianRelease, isInstalled, lookup, textOf, variable } from '../tree.js';
import { ruleOn, when, type Offence, type Platform, type Rule } from '../types.js';
import { elfArchitecture } from './elf.js';

const CT: readonly Platform[] = ['proxmox-ct'];

/** What pct takes for the packing, by the end of the name. */
const BY_SUFFIX = { '.gz': 'gzip', '.xz': 'xz', '.zst': 'zstd', '.bz2': 'bzip2', '': 'none' } as const;

/** Ids of the users and groups that an unprivileged container has. */
const MAPPED_IDS = 65536;

/** Only so many offences of one kind are told one by one. */
const EXAMPLES = 5;

/** The first few of many, and how many more there are. */
export function some<T>(items: readonly T[], tell: (item: T) => Offence): Offence[] {
  const rest = items.length - EXAMPLES;
  const more = rest > 0 ? [{ message: `and ${String(rest)} more of this kind` }] : [];
  return [...items.slice(0, EXAMPLES).map(tell), ...more];
}

const archiveRules: readonly Rule[] = [
  {
    id: 'PVE-CT-NAME',
    severity: 'error',
    platforms: CT,
    title: 'The file is called *.tar, *.tar.gz, *.tar.xz, *.tar.zst or *.tar.bz2',
    source: 'pve-storage lists nothing else as template (Storage.pm, VZTMPL_EXT_RE_1)',
    advice: 'rename the file',
    check: ({ file }) =>
      when(!/^[^/\s]+\.tar(\.(gz|xz|zst|bz2))?$/i.test(file.name), `the name ${file.name} is not that of a template`),
  },
  {
    id: 'PVE-CT-NAME-STYLE',
    severity: 'info',
    platforms: CT,
    title: 'The name tells system, version and architecture: debian-12-NAME_VERSION_ARCH.tar.zst',
    source: 'pve-manager takes names of its template list apart (aplinfo/README.format); other names work, too',
    advice: 'imgbuild build --name-style proxmox',
    check: ({ file }) =>
      when(
        !/^[a-z]+-[\d.]+-[^_\s]+_\d[A-Za-z0-9.+\-:~]*_[a-z0-9]+\.tar(\.\w+)?$/.test(file.name),
        'the name does not tell version and architecture',
      ),
  },
  ruleOn('archive', CT, {
    id: 'PVE-CT-COMPRESSION',
    severity: 'error',
    title: 'The archive is packed as its name says',
    source: 'pct chooses the unpacker by the name alone (Create.pm, tar_compression_option)',
    advice: 'give the file the ending of its packing, or pack it anew',
    check: ({ compression }, { file }) => {
      const suffix = /\.tar(\.\w+)?$/i.exec(file.name)?.[1]?.toLowerCase() ?? '';
      const expected = Object.entries(BY_SUFFIX).find(([known]) => known === suffix)?.[1];
      if (expected === undefined) return [];
      return when(compression !== expected, `the name says ${expected}, the content is ${compression}`);
    },
  }),
  ruleOn('archive', CT, {
    id: 'PVE-CT-MEMBERS',
    severity: 'error',
    title: 'The archive is whole, one volume, and has at least ten members',
    source: 'pve-container checks templates so (LXC/Create.pm)',
    advice: 'build or copy the file again',
    check: ({ members, defects }) => [
      ...defects.map((message) => ({ message })),
      ...when(members.length < 10, `there are ${String(members.length)} members`),
    ],
  }),
  ruleOn('archive', CT, {
    id: 'PVE-CT-PREFIX',
    severity: 'error',
    title: 'The names of all members begin with ./',
    source:
      'pct leaves out ./dev/* by that name; device nodes under another name end the unpacking of an unprivileged container',
    advice: 'make the archive with `tar -C ROOT .`',
    check: ({ members }) =>
      some(
        members.filter(({ name }) => !name.startsWith('./')),
        ({ name }) => ({ message: 'the name does not begin with ./', where: name }),
      ),
  }),
  ruleOn('archive', CT, {
    id: 'PVE-CT-OWNERS',
    severity: 'error',
    title: `Owners are numbers below ${String(MAPPED_IDS)}`,
    source: 'an unprivileged container has no other users; tar fails at the first file',
    advice: 'give the file to an owner with a smaller id',
    check: ({ members }) =>
      some(
        members.filter(({ uid, gid }) => uid >= MAPPED_IDS || gid >= MAPPED_IDS),
        ({ name, uid, gid }) => ({ message: `belongs to ${String(uid)}:${String(gid)}`, where: name }),
      ),
  }),
  ruleOn('archive', CT, {
    id: 'PVE-CT-DEVICES',
    severity: 'error',
    title: 'There are no device nodes outside ./dev',
    source: 'an unprivileged container may not make them; only ./dev/* is left out',
    advice: 'remove the node; the container gets its devices from the host',
    check: ({ members }) =>
      some(
        members.filter(({ kind, name }) => (kind === 'char' || kind === 'block') && !name.startsWith('./dev/')),
        ({ name, kind }) => ({ message: `a ${kind} device`, where: name }),
      ),
  }),
  ruleOn('archive', CT, {
    id: 'PVE-CT-XATTRS',
    severity: 'error',
    title: 'Extended attributes are stored as pax records of the kind SCHILY.xattr',
    source: 'GNU tar, which pct unpacks with, reads no other kind: file capabilities would be lost',
    advice: 'make the archive with `tar --format=pax --xattrs --xattrs-include=security.capability`',
    check: ({ members }) =>
      some(
        members.filter(
          ({ paxKeys }) => paxKeys.some((key) => key.startsWith('LIBARCHIVE.xattr.')) && !hasXattr(paxKeys),
        ),
        ({ name }) => ({ message: 'attributes in a form that GNU tar ignores', where: name }),
      ),
  }),
  ruleOn('archive', CT, {
    id: 'PVE-CT-CAPABILITIES',
    severity: 'warning',
    title: 'Programs that need file capabilities have them',
    source:
      'Debian packages set them while they are configured; an archive without xattrs loses them, and users cannot ping',
    advice: 'make the archive with `tar --format=pax --xattrs --xattrs-include=security.capability`',
    check: ({ members }, { tree }) =>
      members
        .filter((member) => needsCapability(member, tree))
        .map(({ name }) => ({
          message: 'neither file capabilities nor setuid',
          where: name,
        })),
  }),
];

function hasXattr(keys: readonly string[]): boolean {
  return keys.some((key) => key.startsWith('SCHILY.xattr.'));
}

/** ping until Debian 12 (since 13 the kernel lets everybody ping), and mtr's helper. */
function needsCapability(member: Member, tree: TreeFacts | undefined): boolean {
  const path = member.name.replace(/^\.\//, '').replace(/^usr\//, '');
  const needs = path === 'bin/mtr-packet' || (path === 'bin/ping' && (release(tree) ?? 13) < 13);
  return needs && member.kind === 'file' && (member.mode & 0o4000) === 0 && !member.paxKeys.includes(CAPABILITY);
}

const CAPABILITY = 'SCHILY.xattr.security.capability';

function release(tree: TreeFacts | undefined): number | undefined {
  return tree === undefined ? undefined : debianRelease(tree);
}

/** ID of os-release → a plugin of pve-container. */
const SYSTEMS = ['debian', 'devuan', 'ubuntu', 'alpine', 'arch', 'centos', 'fedora', 'gentoo', 'nixos', 'opensuse'];

const systemRules: readonly Rule[] = [
  ruleOn('tree', CT, {
    id: 'PVE-CT-OS',
    severity: 'error',
    title: '/etc/os-release names a system that Proxmox VE knows',
    source: 'pve-container chooses its plugin by ID; an unknown system is set up by nobody (Setup.pm)',
    advice: 'keep the base-files of the distribution, or create with `pct create --ostype unmanaged`',
    check: (tree) => {
      const id = variable(textOf(tree, 'etc/os-release'), 'ID');
      return when(
        id === undefined || !SYSTEMS.includes(id),
        id === undefined ? 'it has no ID' : `ID is ${id}`,
        '/etc/os-release',
      );
    },
  }),
  ruleOn('tree', CT, {
    id: 'PVE-CT-DEBIAN-VERSION',
    severity: 'error',
    title: '/etc/debian_version is a number from 4 on, or CODENAME/sid',
    source: 'the Debian plugin of pve-container ends the creation otherwise (Setup/Debian.pm)',
    advice: 'leave the file as the package base-files has it',
    check: (tree) => {
      if (variable(textOf(tree, 'etc/os-release'), 'ID') !== 'debian') return [];
      const version = (textOf(tree, 'etc/debian_version') ?? '').trim();
      const number = /^(\d+)(\.\d+)*$/.exec(version)?.[1];
      const good = number === undefined ? /^[a-z]+\/sid$/.test(version) : Number(number) >= 4;
      return when(!good, version === '' ? 'it is empty or missing' : `it says ${version}`, '/etc/debian_version');
    },
  }),
  ruleOn('tree', CT, {
    id: 'PVE-CT-SBIN',
    severity: 'error',
    title: 'There is a /sbin, and /sbin/init in it',
    source: 'pve-container looks for sbin in templates, and LXC starts /sbin/init',
    advice: 'install systemd-sysv or another init',
    check: (tree) => [
      ...when(!tree.entries.has('sbin'), 'there is none', '/sbin'),
      ...when(tree.entries.has('sbin') && lookup(tree, 'sbin/init') === undefined, 'there is none', '/sbin/init'),
    ],
  }),
  ruleOn('tree', CT, {
    id: 'PVE-CT-ARCH',
    severity: 'error',
    title: '/bin/sh is a program of an architecture that Proxmox VE knows, the one in the name',
    source: 'pve-container reads the architecture from the ELF header of /bin/sh (LXC/Setup.pm)',
    advice: 'build for the architecture of the host',
    check: (tree, { file }) => {
      const architecture = elfArchitecture(textOf(tree, 'bin/sh') ?? '');
      if (architecture === undefined) return [{ message: 'no program of a known architecture', where: '/bin/sh' }];
      const named = /_(amd64|i386|arm64|armhf|riscv32|riscv64)\.tar/.exec(file.name)?.[1];
      const other = named !== undefined && named !== architecture;
      return when(other, `a program for ${architecture}, and the name of the file says ${named ?? ''}`, '/bin/sh');
    },
  }),
  ruleOn('tree', CT, {
    id: 'PVE-CT-NETWORK',
    severity: 'warning',
    title: 'What Proxmox VE writes into /etc/network/interfaces is read by something, or not written',
    source:
      'pve-container sets up the network of Debian there (Setup/Debian.pm), and leaves it alone beside .pve-ignore.interfaces',
    advice: 'install ifupdown2, use the collection lxc/base, or put .pve-ignore.interfaces beside it',
    check: (tree) =>
      when(
        !INTERFACE_READERS.some((path) => lookup(tree, path) !== undefined),
        'neither ifupdown nor a converter nor .pve-ignore.interfaces',
        '/etc/network',
      ),
  }),
  ruleOn('tree', CT, {
    id: 'PVE-CT-NESTING',
    severity: 'info',
    title: 'systemd above 241 wants nesting',
    source: 'pve-container says so when a container starts (Setup.pm): services that use namespaces fail without',
    advice: 'pct create … --features nesting=1',
    check: (tree) => when(isInstalled(tree, 'systemd'), 'the template runs systemd'),
  }),
];

/** Whoever turns /etc/network/interfaces into a network; the last two translate it for systemd-networkd. */
const INTERFACE_READERS = [
  'etc/network/.pve-ignore.interfaces',
  'sbin/ifup',
  'usr/local/sbin/imgbuild-network-interfaces',
  'etc/systemd/system/autoconfig-networkd-interfaces.service',
];

/** Templates of containers for Proxmox VE. */
export const PROXMOX_CT_RULES: readonly Rule[] = [...archiveRules, ...systemRules];
