/** How disks are attached, as the guest's drivers are called. */
export const BUSES = ['virtio-scsi', 'virtio-blk', 'ahci', 'nvme', 'pvscsi'] as const;
export type Bus = (typeof BUSES)[number];

/** Network cards by QEMU's names. */
export const NICS = ['virtio-net-pci', 'vmxnet3', 'e1000e'] as const;
export type Nic = (typeof NICS)[number];

/** Machines that images are booted in, by Debian's names. */
export type MachineArchitecture = 'amd64' | 'arm64';

/** Containers of disks that QEMU reads, by the names of its drivers. */
export type DiskFormat = 'raw' | 'qcow2' | 'vhdx' | 'vpc' | 'vmdk';

/** A file that is a disk, or a part of a file that is one, as in an OVA. */
export interface DiskSource {
  readonly format: DiskFormat;
  readonly file: string;
  readonly part?: { readonly offset: number; readonly bytes: number };
  /** Of an overlay: what it changes. It counts, whatever path the overlay itself names. */
  readonly below?: DiskSource;
}

export type Firmware =
  | { readonly type: 'bios' }
  /** Without a file for its variables it forgets them when the machine is off. */
  | { readonly type: 'uefi'; readonly code: string; readonly vars?: string; readonly secureBoot: boolean };

export type Network =
  | { readonly type: 'none' }
  /** DHCP, but no way out of the machine. */
  | { readonly type: 'closed' }
  /** To the outside, and back in by SSH through this address of the host. */
  | { readonly type: 'open'; readonly ssh?: { readonly address: string; readonly port: number } };

/** A virtual machine, completely. */
export interface MachineSpec {
  readonly architecture: MachineArchitecture;
  readonly accelerator: 'kvm' | 'tcg';
  /**
   * Time in an emulated machine of one processor passes with the instructions that it has carried out: however busy the host
   * is, nothing in the machine takes so long that somebody gives up waiting for it.
   */
  readonly steadyClock?: boolean;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly firmware: Firmware;
  /** Written to: overlays or copies, never images. The first one is booted from. */
  readonly disks: readonly DiskSource[];
  /** The disks outlive the machine: what it flushes is flushed. */
  readonly lasting?: boolean;
  readonly bus: Bus;
  readonly nic: Nic;
  readonly network: Network;
  /** Socket on which QEMU is told what to do. */
  readonly monitor: string;
  /** Socket of the second serial port. */
  readonly probe?: string;
  /** Socket of a TPM. */
  readonly tpm?: string;
  /** Strings of SMBIOS type 11, by which systemd takes credentials. */
  readonly oemStrings?: readonly string[];
}

/** The block device node for a source, in QEMU's JSON. */
export function blockNode(source: DiskSource): Readonly<Record<string, unknown>> {
  const file = { driver: 'file', filename: source.file };
  const { part } = source;
  const content = part === undefined ? file : { driver: 'raw', offset: part.offset, size: part.bytes, file };
  return { driver: source.format, file: content, ...(source.below && { backing: blockNode(source.below) }) };
}

/** A source as a file name that every tool of QEMU takes. */
export function blockName(source: DiskSource): string {
  return `json:${JSON.stringify(blockNode(source))}`;
}

/** A range of the bytes that the guest sees on the disk, as a file name. */
export function blockRange(source: DiskSource, offset: number, bytes: number): string {
  return `json:${JSON.stringify({ driver: 'raw', offset, size: bytes, file: blockNode(source) })}`;
}

/**
 * The command line of QEMU for a machine. The first serial port is standard input and output.
 *
 * Nothing that was not asked for: `-nodefaults` leaves out the network card whose boot ROM would try the network first.
 */
export function qemuArguments(machine: MachineSpec): string[] {
  return [
    machine.architecture === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64',
    ...['-name', 'imgbuild', '-nodefaults', '-no-user-config', '-display', 'none', '-vga', 'none'],
    ...['-machine', board(machine)],
    ...accelerator(machine),
    ...['-smp', String(machine.cpus), '-m', `${String(machine.memoryMiB)}M`],
    ...firmware(machine.firmware),
    ...disks(machine),
    ...network(machine.nic, machine.network),
    ...['-chardev', 'stdio,id=console,signal=off', '-serial', 'chardev:console'],
    ...(machine.probe === undefined
      ? []
      : ['-chardev', `socket,id=probe,path=${escaped(machine.probe)}`, '-serial', 'chardev:probe']),
    ...['-chardev', `socket,id=monitor,path=${escaped(machine.monitor)}`, '-mon', 'chardev=monitor,mode=control'],
    ...tpm(machine),
    ...(machine.oemStrings ?? []).flatMap((text) => ['-smbios', `type=11,value=${escaped(text)}`]),
  ];
}

function board({ architecture, firmware: kind }: MachineSpec): string {
  // The newest interrupt controller that processor and accelerator have.
  if (architecture === 'arm64') return 'virt,gic-version=max';
  // The signed firmware keeps its variables from everything but system management mode.
  return `q35${kind.type === 'uefi' && kind.secureBoot ? ',smm=on' : ''}`;
}

/** Four nanoseconds an instruction, about what emulation takes on a host that has nothing else to do: 2 to this power. */
const INSTRUCTION = 2;

function accelerator({ accelerator: kind, architecture, steadyClock }: MachineSpec): string[] {
  if (kind === 'kvm') return ['-accel', 'kvm', '-cpu', 'host'];
  // Page tables of five levels (la57) only make each walk through them longer; so do, on arm64, signed pointers (pauth) with
  // each function.
  const cpu = ['-cpu', architecture === 'arm64' ? 'cortex-a72' : 'max,-la57'];
  if (steadyClock !== true) return ['-accel', 'tcg,thread=multi', ...cpu];
  return ['-accel', 'tcg,thread=single', '-icount', `shift=${String(INSTRUCTION)}`, ...cpu];
}

function firmware(kind: Firmware): string[] {
  if (kind.type === 'bios') return [];
  if (kind.vars === undefined) return ['-bios', kind.code];
  return [
    ...(kind.secureBoot ? ['-global', 'driver=cfi.pflash01,property=secure,value=on'] : []),
    ...['-drive', `if=pflash,format=raw,readonly=on,file=${escaped(kind.code)}`],
    ...['-drive', `if=pflash,format=raw,file=${escaped(kind.vars)}`],
  ];
}

function disks({ bus, disks: sources, architecture, lasting = false }: MachineSpec): string[] {
  const nodes = sources.flatMap((source, n) => [
    '-blockdev',
    // Where all of it is thrown away, what the host has in memory when it crashes is worth nothing.
    JSON.stringify({
      ...blockNode(source),
      'node-name': `disk${String(n)}`,
      cache: { 'no-flush': !lasting },
      discard: 'unmap',
      'detect-zeroes': 'unmap',
    }),
  ]);
  return [...nodes, ...controller(bus, architecture), ...sources.flatMap((_, n) => ['-device', device(bus, n)])];
}

function controller(bus: Bus, architecture: MachineArchitecture): string[] {
  switch (bus) {
    case 'virtio-scsi':
      return ['-device', 'virtio-scsi-pci,id=scsi'];
    case 'pvscsi':
      return ['-device', 'pvscsi,id=scsi'];
    // q35 has an AHCI controller by itself, with its ports as ide.0 to ide.5.
    case 'ahci':
      return architecture === 'arm64' ? ['-device', 'ich9-ahci,id=ide'] : [];
    case 'virtio-blk':
    case 'nvme':
      return [];
  }
}

function device(bus: Bus, n: number): string {
  const common = `drive=disk${String(n)},bootindex=${String(n)},serial=imgbuild${String(n)}`;
  switch (bus) {
    case 'virtio-scsi':
    case 'pvscsi':
      return `scsi-hd,bus=scsi.0,scsi-id=${String(n)},${common}`;
    case 'virtio-blk':
      return `virtio-blk-pci,${common}`;
    case 'nvme':
      return `nvme,${common}`;
    case 'ahci':
      return `ide-hd,bus=ide.${String(n)},${common}`;
  }
}

function network(nic: Nic, kind: Network): string[] {
  if (kind.type === 'none') return [];
  const ssh = kind.type === 'open' ? kind.ssh : undefined;
  const netdev = [
    'user',
    'id=net0',
    ...(kind.type === 'closed' ? ['restrict=on'] : []),
    ...(ssh === undefined ? [] : [`hostfwd=tcp:${ssh.address}:${String(ssh.port)}-:22`]),
  ];
  // Without its ROM the card is nothing to boot from.
  return ['-netdev', netdev.join(','), '-device', `${nic},netdev=net0,romfile=`];
}

function tpm({ tpm: socket, architecture }: MachineSpec): string[] {
  if (socket === undefined) return [];
  const device = architecture === 'arm64' ? 'tpm-tis-device' : 'tpm-tis';
  return [
    ...['-chardev', `socket,id=tpm,path=${escaped(socket)}`],
    ...['-tpmdev', 'emulator,id=tpm0,chardev=tpm', '-device', `${device},tpmdev=tpm0`],
  ];
}

/** A value in QEMU's lists of options: a comma is written twice. */
function escaped(text: string): string {
  return text.replaceAll(',', ',,');
}
