import { FORMAT_SOURCES, type FormatName } from '../config/formats.js';
import type { Format } from './types.js';

/** Options that only describe the machine. */
const MACHINE = [
  'vm.annotation',
  'vm.cpus',
  'vm.extraConfig',
  'vm.hardening',
  'vm.hardwareVersion',
  'vm.hotAdd',
  'vm.memory',
  'vm.network',
  'vm.osType',
  'vm.properties',
] as const;

/** All formats: what lists show, and what the keys of outputs and the writers go by. */
export const FORMATS = {
  'tar.zst': row('tar.zst', 'root filesystem as a tarball: system containers, Proxmox VE templates', [
    'output.zstdLevel',
  ]),
  raw: row('raw', 'disk image as it is, with holes', []),
  'raw.zst': row('raw.zst', 'compressed disk image with a block map: bare metal by bmaptool or zstd and dd', [
    'output.zstdLevel',
  ]),
  qcow2: row('qcow2', 'disk for QEMU and KVM: Proxmox VE, libvirt, OpenStack', ['output.qcow2Compression']),
  vhdx: row('vhdx', 'disk for Hyper-V, generation 2', []),
  vhd: row('vhd', 'disk for Azure: fixed size, multiple of 1 MiB', []),
  vmdk: row('vmdk', 'disk for VMware: streamOptimized, for uploads', []),
  ova: row('ova', 'machine for VMware and others that read OVF 1.x, with all of its disks', MACHINE),
} as const satisfies Readonly<Record<FormatName, Format>>;

function row(name: FormatName, summary: string, options: readonly string[]): Format {
  return { name, source: FORMAT_SOURCES[name], suffix: `.${name}`, summary, options };
}
