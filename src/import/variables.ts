import {
  flag,
  fromOption,
  gateOf,
  gone,
  isOn,
  list,
  mebibytes,
  number,
  oddSwitch,
  password,
  size,
  sshKey,
  text,
  wordsOf,
  type Variable,
} from './variable.js';
import { DISK_VARIABLES } from './variables-disk.js';

/** Older names of variables. */
export const ALIASES: Readonly<Record<string, string>> = {
  OCONF_HW_BOOT_TYPE: 'OCONF_BOOT_TYPE',
  OCONF_INSTALL_LOGIN_USER_SSH_PUB_KEY: 'OCONF_LOGIN_SSH_KEY',
};

/** Variables whose values add up instead of replacing each other. */
export const ACCUMULATING: ReadonlySet<string> = new Set([
  'OCONF_BOOT_CMDLINE',
  'OCONF_NFTABLES_ALLOW_INPUT_TCP',
  'OCONF_NFTABLES_ALLOW_INPUT_UDP',
  'OCONF_NFTABLES_ALLOW_OUTPUT_TCP',
  'OCONF_NFTABLES_ALLOW_OUTPUT_UDP',
]);

/** What profiles say by keys of their own; settings.ts reads these. */
export const PROFILE_VARIABLES: Readonly<Record<string, { readonly key: string; readonly shell?: string }>> = {
  DBUILD_TARGET_COLLECTIONS: { key: 'collections' },
  DBUILD_TARGET_CODENAME: { key: 'suite', shell: '$SUITE' },
  DBUILD_TARGET_ARCH: { key: 'architecture', shell: '$ARCH' },
};

function account(prefix: 'LOGIN' | 'CTRL', group: 'login' | 'control'): Record<string, Variable> {
  return {
    [`OFEAT_${prefix}_USER`]: flag(`${group}.enable`, { usual: prefix === 'LOGIN' ? '1' : '0' }),
    [`OFEAT_${prefix}_USER_RAMDISK`]: flag(`${group}.ramdisk`),
    [`OCONF_${prefix}_USER_RAMDISK_SIZE`]: mebibytes(`${group}.ramdiskSize`),
    [`OFEAT_${prefix}_USER_SSH`]: flag(`${group}.ssh`),
    [`OFEAT_${prefix}_USER_SSH_SHELL`]: flag(`${group}.sshShell`),
    [`OFEAT_${prefix}_USER_SSH_FORWARDING`]: flag(`${group}.sshForwarding`),
    [`OCONF_${prefix}_USER`]: text(`${group}.user`),
    [`OCONF_${prefix}_UID`]: number(`${group}.uid`),
    [`OCONF_${prefix}_SSH_KEY`]: sshKey(`${group}.authorizedKeys`),
  };
}

function sinkholes(version: 4 | 6, sets: Readonly<Record<string, string>>): Record<string, Variable> {
  const all = Object.entries({ DOC: 'documentation', BENCHMARK: 'benchmark', ...sets });
  return {
    ...Object.fromEntries(
      all.map(([old, name]) => [
        `OFEAT_NET_SINKHOLE_ROUTES_IP${String(version)}_${old}`,
        flag(`sinkhole.ipv${String(version)}.${name}`),
      ]),
    ),
    [`OCONF_NET_SINKHOLE_ROUTES_IP${String(version)}_CUSTOM`]: list(`sinkhole.ipv${String(version)}.networks`),
  };
}

function address(version: 4 | 6): Record<string, Variable> {
  const [old, group] = [`NETCONFIG_IP${String(version)}`, `network.ipv${String(version)}`];
  return {
    [`OFEAT_${old}`]: flag(`${group}.enable`),
    [`OFEAT_${old}_DHCP`]: flag(`${group}.dhcp`),
    [`OFEAT_${old}_STATIC`]: gateOf(`${group}.addresses`),
    [`OCONF_${old}_STATIC`]: list(`${group}.addresses`, /\s+/, { gate: `OFEAT_${old}_STATIC` }),
    [`OCONF_${old}_STATIC_GW`]: text(`${group}.gateway`, { gate: `OFEAT_${old}_STATIC` }),
  };
}

/** The proxy is named once, and switches say where it is told. */
function proxy(place: 'environment' | 'localEnv'): Variable {
  const option = `proxy.${place}`;
  return {
    options: [option],
    to: (value) => [{ option, value: isOn(value) }, ...oddSwitch(value)],
    shell: `$(dbuild_flag "${fromOption('proxy.url', ':+true')}")`,
    usual: '0',
  };
}

const machine: Readonly<Record<string, Variable>> = {
  OCONF_INSTALL_ROOT_PASSWORD: password('rootPassword', 'ROOT_PASSWORD'),
  OCONF_LOGIN_USER_PASSWORD: password('login.password', 'LOGIN_PASSWORD'),
  ...account('LOGIN', 'login'),
  ...account('CTRL', 'control'),
  OCONF_CTRL_SSH_FROM: list('control.from', /[\s,]+/),
  OFEAT_UNPRIV_USER: flag('unprivileged.enable'),
  OCONF_UNPRIV_USER: text('unprivileged.user'),
  OCONF_UNPRIV_UID: number('unprivileged.uid'),
  OFEAT_SSHD_CONFIG: flag('sshd.enable'),
  OCONF_SSHD_GROUP_LOGIN: text('sshd.loginGroup'),
  OCONF_SSHD_GID_LOGIN: number('sshd.loginGid'),
  OCONF_SSHD_GROUP_SHELL: text('sshd.shellGroup'),
  OCONF_SSHD_GID_SHELL: number('sshd.shellGid'),
  OCONF_SSHD_GROUP_FORWARDING: text('sshd.forwardingGroup'),
  OCONF_SSHD_GID_FORWARDING: number('sshd.forwardingGid'),
  OFEAT_PKG_INSTALL: { options: [], to: oddSwitch, usual: '1', remark: '`packages` of the profile' },
  OCONF_PKG_INSTALL: {
    options: [],
    to: (value, { on }) => {
      if (on('OFEAT_PKG_INSTALL')) return [{ packages: wordsOf(value) }];
      return [{ told: 'counted only with OFEAT_PKG_INSTALL=1, which is not so: left out' }];
    },
    gate: 'OFEAT_PKG_INSTALL',
    remark: '`packages` of the profile',
  },
  OFEAT_ANSIBLE_CTRL: flag('ansible.enable'),
  OCONF_HOSTNAME: text('hostname'),
  OCONF_KBD_LAYOUT: text('keyboard.layout', { remark: 'the predecessor read it and did nothing' }),
  OCONF_TIMEZONE: text('timezone'),
  OFEAT_ROOTFS_MINIMAL: flag('rootfs.minimal'),
  OFEAT_ROOTFS_MINIMAL_USR_SHARE: flag('rootfs.minimalShare'),
  OFEAT_MAN_PAGES: flag('man.enable'),
  OFEAT_CRON: flag('cron.enable'),
  OFEAT_RSYSLOG: flag('rsyslog.enable'),
  OFEAT_HAVEGED: flag('haveged.enable'),
  OFEAT_ETC_MACHINE_ID: gone('every image gets a new id at its first boot', '1'),
  OFEAT_TMPFS_MOUNTS: flag('tmpfs.enable'),
  OCONF_TMPFS_DEV_SHM_SIZE: size('tmpfs.shmSize'),
  OCONF_TMPFS_TMP_SIZE: size('tmpfs.tmpSize'),
  OCONF_TMPFS_VAR_TMP_SIZE: size('tmpfs.varTmpSize'),
  OCONF_TMPFS_RUN_SIZE: size('tmpfs.runSize'),
  OFEAT_TMPFS_APT_CACHE: flag('tmpfs.aptCache'),
  OCONF_TMPFS_APT_CACHE_SIZE: size('tmpfs.aptCacheSize'),
};

const network: Readonly<Record<string, Variable>> = {
  OFEAT_IFNAMES: {
    options: ['interfaceNames'],
    to: (value) => [{ option: 'interfaceNames', value: isOn(value) ? 'predictable' : 'kernel' }, ...oddSwitch(value)],
    shell: `$(dbuild_equal "${fromOption('interfaceNames')}" predictable)`,
    remark: '1 is `predictable`, 0 `kernel`',
  },
  OFEAT_RESOLV_CONF: flag('resolvconf.enable'),
  OCONF_RESOLV_CONF_NS: list('resolvconf.nameservers'),
  OCONF_RESOLV_CONF_SEARCH: list('resolvconf.search'),
  OFEAT_NTP_CONF: flag('ntp.enable'),
  OCONF_NTP_POOL: text('ntp.pool'),
  OCONF_NTP_SERVER: list('ntp.servers'),
  OFEAT_WEB_PROXY: proxy('environment'),
  OFEAT_WEB_PROXY_LOCAL_ENV: proxy('localEnv'),
  OCONF_WEB_PROXY: {
    ...text('proxy.url'),
    to: (value, { on }) => {
      if (!on('OFEAT_WEB_PROXY') && !on('OFEAT_WEB_PROXY_LOCAL_ENV')) {
        return value === '' ? [] : [{ told: 'counted only with OFEAT_WEB_PROXY=1, which is not so: left out' }];
      }
      return [
        { option: 'proxy.url', value },
        { option: 'proxy.environment', value: on('OFEAT_WEB_PROXY') },
      ];
    },
    gate: 'OFEAT_WEB_PROXY',
  },
  OCONF_WEB_NO_PROXY: list('proxy.noProxy', /[\s,]+/, { shell: `$(dbuild_words "${fromOption('proxy.noProxy')}" ,)` }),
  OFEAT_WEB_PROXY_APT: gateOf('proxy.apt'),
  OCONF_WEB_PROXY_APT: text('proxy.apt', { gate: 'OFEAT_WEB_PROXY_APT' }),
  OFEAT_NETCONFIG: flag('network.enable'),
  OCONF_NETCONFIG_PROVIDER: gone('the collection netconfig/systemd-networkd is the only one', 'systemd-networkd'),
  OCONF_NETCONFIG_IFACE_BY_MAC: text('network.mac'),
  OCONF_NETCONFIG_IFACE_BY_NAME: {
    ...text('network.interface'),
    to: (value) => [{ option: 'network.interface', value: value === '*' ? '' : value }],
    remark: '`*` is empty now: every Ethernet interface, which is also what a profile gets that says nothing',
  },
  OCONF_NETCONFIG_IFACE_NAME: text('network.rename'),
  ...address(4),
  ...address(6),
  OFEAT_NETCONFIG_IP6_SLAAC: flag('network.ipv6.autoconf'),
  OFEAT_NET_SINKHOLE: flag('sinkhole.enable'),
  OCONF_NET_SINKHOLE_NAME: text('sinkhole.name'),
  OCONF_NET_SINKHOLE_ROUTE_TYPE: text('sinkhole.type'),
  ...sinkholes(4, { CGNAT: 'cgnat', DSLITE: 'dslite', RFC1918: 'private' }),
  ...sinkholes(6, { ULA: 'local', TEREDO: 'teredo', '6TO4': '6to4' }),
  OFEAT_NFTABLES_ALLOW_INPUT: flag('nftables.input.allow'),
  OFEAT_NFTABLES_ALLOW_OUTPUT: flag('nftables.output.allow'),
  OCONF_NFTABLES_ALLOW_INPUT_TCP: list('nftables.input.tcp'),
  OCONF_NFTABLES_ALLOW_INPUT_UDP: list('nftables.input.udp'),
  OCONF_NFTABLES_ALLOW_OUTPUT_TCP: list('nftables.output.tcp'),
  OCONF_NFTABLES_ALLOW_OUTPUT_UDP: list('nftables.output.udp'),
};

const rest: Readonly<Record<string, Variable>> = {
  DBUILD_APT_PROXY: {
    options: [],
    to: (value) => (value === '' ? [] : [{ told: `not part of a profile: build with --apt-proxy ${value}` }]),
    remark: '`--apt-proxy` of the build',
  },
  DBUILD_TMPDIR_ROOT: gone('builds have a place of their own (`--work`)'),
  DBUILD_PROFILE_NAME: gone('the name of the file'),
  DBUILD_TARGET_INIT_SYSTEM: gone('systemd', 'systemd'),
  DBUILD_TARGET_IMAGE_FORMAT: gone('`outputs` names the formats'),
  DBUILD_TARGET_COMPONENTS: list('apt.components', /[\s,]+/),
  DBUILD_TARGET_VARIANT: text('apt.variant'),
  OFEAT_MERGED_USR: {
    options: ['mergedUsr'],
    to: (value, { get }) => {
      if (isOn(value)) return [{ option: 'mergedUsr', value: true }];
      const suite = get('DBUILD_TARGET_CODENAME') ?? 'trixie';
      if (suite === 'bullseye') return [{ option: 'mergedUsr', value: false }, ...oddSwitch(value)];
      return [{ told: `left out: Debian has /usr merged since bookworm, and ${suite} knows nothing else` }];
    },
    shell: `$(dbuild_flag "${fromOption('mergedUsr')}")`,
    remark: '0 for bullseye alone',
  },
  OFEAT_MMDEBSTRAP_MERGED_USR: gone('OFEAT_MERGED_USR decides', `$(dbuild_flag "${fromOption('mergedUsr')}")`),
  OCONF_MMDEBSTRAP_MERGED_USR: gone('OFEAT_MERGED_USR decides'),
  OFEAT_UNATTENDED_UPGRADES: flag('unattendedUpgrades.enable'),
  OFEAT_UNATTENDED_UPGRADES_REBOOT: flag('unattendedUpgrades.reboot'),
  OFEAT_UNATTENDED_UPGRADES_REBOOT_WITH_USERS: flag('unattendedUpgrades.rebootWithUsers'),
  OCONF_UNATTENDED_UPGRADES_REBOOT_TIME: text('unattendedUpgrades.rebootTime'),
  OFEAT_NGINX_AUTOSTART: flag('nginx.autostart'),
  OCONF_NGINX_TLS_CERT_SUBJECT: text('nginx.certificateSubject'),
  OCONF_NGINX_TLS_CERT_LIFETIME: number('nginx.certificateDays'),
  OCONF_NGINX_CONFIG_ROLE: text('nginx.role'),
  OCONF_NGINX_APP_PROXY_PASS: text('nginx.proxyPass'),
};

/** All variables of the predecessor with what became of them. */
export const VARIABLES: Readonly<Record<string, Variable>> = { ...machine, ...network, ...DISK_VARIABLES, ...rest };
