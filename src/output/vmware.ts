import type { Machine } from './types.js';

/** How a machine is to look to VMware, beyond what every platform is told. */
export interface VmwareSettings {
  readonly hardwareVersion: number;
  readonly network: string;
  /** '' takes the newest that the hardware version knows. */
  readonly osType: string;
  readonly hardening: boolean;
  readonly hotAdd: boolean;
  readonly annotation: string;
  readonly properties: 'none' | 'cloud-init';
  /** name=value */
  readonly extraConfig: readonly string[];
}

/** The newest Debian that a level of virtual hardware has a name for, newest level first. */
const KNOWN_DEBIANS = [
  [22, 13],
  [20, 12],
  [17, 11],
  [13, 10],
] as const;

/** The guest system's name in vSphere. An unknown one is refused or run as "other", without what Linux guests get. */
export function guestType(machine: Pick<Machine, 'debian' | 'architecture'>, hardwareVersion: number): string {
  const known = KNOWN_DEBIANS.find(([level]) => hardwareVersion >= level)?.[1] ?? 10;
  // 0 is sid.
  const debian = Math.min(machine.debian ?? 0, known);
  return `debian${String(debian === 0 ? known : debian)}${wide(machine) ? '_64' : ''}Guest`;
}

/** CIM's number of the operating system: Debian, Debian 64-bit. Proxmox's importer takes both for Linux. */
export function cimType(machine: Pick<Machine, 'architecture'>): number {
  return wide(machine) ? 96 : 95;
}

function wide(machine: Pick<Machine, 'architecture'>): boolean {
  return machine.architecture !== 'i386';
}

/**
 * What VMware's security guides and the DISA STIG for virtual machines advise to set. Left out on purpose:
 * isolation.tools.setinfo.disable, which hides the guest's addresses from vSphere, and svga.vgaonly, which leaves UEFI
 * guests without a console.
 */
const HARDENING: Readonly<Record<string, string>> = {
  'RemoteDisplay.maxConnections': '1',
  'RemoteDisplay.vnc.enabled': 'FALSE',
  'isolation.bios.bbs.disable': 'TRUE',
  'isolation.device.connectable.disable': 'TRUE',
  'isolation.device.edit.disable': 'TRUE',
  'isolation.tools.copy.disable': 'TRUE',
  'isolation.tools.diskShrink.disable': 'TRUE',
  'isolation.tools.diskWiper.disable': 'TRUE',
  'isolation.tools.dnd.disable': 'TRUE',
  'isolation.tools.getCreds.disable': 'TRUE',
  'isolation.tools.ghi.autologon.disable': 'TRUE',
  'isolation.tools.ghi.launchmenu.change': 'TRUE',
  'isolation.tools.hgfs.disable': 'TRUE',
  'isolation.tools.hgfsServerSet.disable': 'TRUE',
  'isolation.tools.memSchedFakeSampleStats.disable': 'TRUE',
  'isolation.tools.paste.disable': 'TRUE',
  'isolation.tools.setGUIOptions.enable': 'FALSE',
  'isolation.tools.unity.push.update.disable': 'TRUE',
  'log.keepOld': '10',
  'log.rotateSize': '2048000',
  'mks.enable3d': 'FALSE',
  'tools.guest.desktop.autolock': 'TRUE',
  'tools.guestlib.enableHostInfo': 'FALSE',
  'tools.setInfo.sizeLimit': '1048576',
};

/** Settings of the virtual machine's file, sorted by name; the user's own win, whose names VMware reads in any case. */
export function extraConfig(settings: VmwareSettings): readonly (readonly [name: string, value: string])[] {
  const own = settings.extraConfig.map((entry): [string, string] => {
    const at = entry.indexOf('=');
    return [entry.slice(0, at), entry.slice(at + 1)];
  });
  const all = [...(settings.hardening ? Object.entries(HARDENING) : []), ...own];
  const last = new Map(all.map((entry) => [entry[0].toLowerCase(), entry]));
  return [...last.values()].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Settings that vSphere has elements of their own for. Who stops a machine wants its system to shut down. */
export function machineConfig(machine: Machine, settings: VmwareSettings): readonly (readonly [string, string])[] {
  return [
    ['firmware', machine.firmware === 'uefi' ? 'efi' : 'bios'],
    ...(machine.firmware === 'uefi' ? [['bootOptions.efiSecureBootEnabled', String(machine.secureBoot)] as const] : []),
    ['cpuHotAddEnabled', String(settings.hotAdd)],
    ['memoryHotAddEnabled', String(settings.hotAdd)],
    ['powerOpInfo.powerOffType', 'soft'],
    ['powerOpInfo.resetType', 'soft'],
    ['powerOpInfo.suspendType', 'soft'],
    ['tools.syncTimeWithHost', 'false'],
  ];
}

/** A question of cloud-init's OVF data source (DataSourceOVF reads these names). */
export interface Property {
  readonly key: string;
  readonly label: string;
  readonly description: string;
  readonly password?: true;
}

export const CLOUD_INIT_PROPERTIES: readonly Property[] = [
  { key: 'instance-id', label: 'Instance id', description: 'Another one makes cloud-init run again.' },
  { key: 'hostname', label: 'Host name', description: 'Name of the machine.' },
  { key: 'public-keys', label: 'SSH public keys', description: 'Keys that may log in as the default user.' },
  { key: 'user-data', label: 'User data', description: 'Configuration for cloud-init, encoded in base64.' },
  { key: 'password', label: 'Password', description: 'Password of the default user.', password: true },
];
