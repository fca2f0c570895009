import { HYPERVISORS } from '../../output/drivers.js';
import { isInstalled } from '../tree.js';
import { ruleOn, when, type Platform, type Rule } from '../types.js';
import { driverRule } from './drivers.js';

const VM: readonly Platform[] = ['proxmox-vm'];

/** Disks of virtual machines for Proxmox VE. */
export const PROXMOX_VM_RULES: readonly Rule[] = [
  {
    id: 'PVE-VM-NAME',
    severity: 'error',
    platforms: VM,
    title: 'The name consists of letters, digits and - . + = _',
    source: 'names of volumes of the content type import (pve-storage, Storage.pm)',
    advice: 'rename the file',
    check: ({ file }) => when(!/^[a-zA-Z0-9\-.+=_]+$/.test(file.name), `the name is ${file.name}`),
  },
  {
    id: 'PVE-VM-FORMAT',
    severity: 'warning',
    platforms: VM,
    title: 'The format is one that a storage takes for import: qcow2, raw, vmdk or ova',
    source:
      'pve-storage lists nothing else under the content type import; qm disk import on the command line reads more',
    advice: 'imgbuild convert --to qcow2, or unpack the file before it is uploaded',
    check: ({ file }) => when(!/\.(qcow2|raw|vmdk|ova)$/.test(file.name), `${file.name} is none of them`),
  },
  ruleOn('qcow2', VM, {
    id: 'PVE-VM-QCOW2-VERSION',
    severity: 'error',
    title: 'The qcow2 file is of version 3 (compat=1.1)',
    source: 'the older version lacks lazy reference counts, zero clusters and zstd (QEMU, docs/interop/qcow2.rst)',
    advice: 'qemu-img amend -o compat=1.1 FILE',
    check: ({ version }) => when(version !== 3, `it is of version ${String(version)}`),
  }),
  ruleOn('qcow2', VM, {
    id: 'PVE-VM-QCOW2-ALONE',
    severity: 'error',
    title: 'The qcow2 file needs no other file, and no key',
    source: 'pve-storage refuses images with a backing file or a data file from outside (GuestImport)',
    advice: 'qemu-img convert -O qcow2 FILE NEW',
    check: ({ backingFile, externalData, encrypted }) => [
      ...when(backingFile !== '', `it has a backing file, ${backingFile}`),
      ...when(externalData, 'its data lie in another file'),
      ...when(encrypted, 'it is encrypted'),
    ],
  }),
  ruleOn('qcow2', VM, {
    id: 'PVE-VM-QCOW2-CLEAN',
    severity: 'warning',
    title: 'The qcow2 file was closed, and has no snapshots',
    source: 'a dirty file is repaired when it is opened, which needs write access; an import drops snapshots',
    advice: 'qemu-img check -r all FILE',
    check: ({ dirty, snapshots }) => [
      ...when(dirty, 'it is marked as dirty or corrupt'),
      ...when(snapshots > 0, `it has ${String(snapshots)} snapshots`),
    ],
  }),
  ruleOn('boot', VM, driverRule('PVE-VM-INITRAMFS', HYPERVISORS.kvm.drivers, 'a virtio disk')),
  ruleOn('tree', VM, {
    id: 'PVE-VM-AGENT',
    severity: 'warning',
    title: 'qemu-guest-agent is installed',
    source: 'with `--agent 1`, PVE asks it for addresses, to shut down, and to freeze filesystems for backups',
    advice: 'packages: [qemu-guest-agent]',
    check: (tree) => when(!isInstalled(tree, 'qemu-guest-agent'), 'it is not installed'),
  }),
];
