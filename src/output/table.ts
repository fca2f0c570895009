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
  squashfs: row('squashfs', 'root filesystem that is only read: live systems, overlays, Incus', []),
  erofs: row('erofs', 'root filesystem that is only read, with quicker access than squashfs', []),
  dir: row('dir', 'root filesystem as a plain directory: chroot, systemd-nspawn, rsync; needs root', []),
  'oci.tar': row('oci.tar', 'OCI image in an archive: Proxmox VE 9.1, Podman, Docker, skopeo', []),
  incus: {
    ...row('incus', 'image for Incus and LXD in one file: a container, or a machine where there is a disk', []),
    suffixes: ['.incus.tar.gz'],
  },
  'incus-split': {
    ...row('incus-split', 'the same in two files: metadata, and squashfs or qcow2', []),
    suffixes: ['.incus.tar.xz', '.incus.squashfs', '.incus.qcow2'],
  },
  raw: row('raw', 'disk image as it is, with holes', []),
  'raw.zst': row('raw.zst', 'compressed disk image with a block map: bare metal by imgbuild write, bmaptool or dd', [
    'output.zstdLevel',
  ]),
  qcow2: row('qcow2', 'disk for QEMU and KVM: Proxmox VE, libvirt, OpenStack', ['output.qcow2Compression']),
  vhdx: row('vhdx', 'disk for Hyper-V, generation 2', []),
  vhd: row('vhd', 'disk for Azure: fixed size, multiple of 1 MiB', []),
  vmdk: row('vmdk', 'disk for VMware: streamOptimized, for uploads', []),
  ova: row('ova', 'machine for VMware and others that read OVF 1.x, with all of its disks', MACHINE),
} as const satisfies Readonly<Record<FormatName, Format>>;

function row(name: FormatName, summary: string, options: readonly string[]): Format {
  return { name, source: FORMAT_SOURCES[name], suffixes: [`.${name}`], summary, options };
}
