import type { Rule } from '../types.js';
import { AUDIT_RULES } from './audit.js';
import { DISK_RULES } from './disk.js';
import { FILESYSTEM_RULES } from './filesystem.js';
import { HYPER_V_RULES } from './hyper-v.js';
import { INCUS_RULES } from './incus.js';
import { OCI_RULES } from './oci.js';
import { PROXMOX_CT_RULES } from './proxmox-ct.js';
import { PROXMOX_VM_RULES } from './proxmox-vm.js';
import { VMWARE_RULES } from './vmware.js';

/** The families of rules in the order in which they are shown. */
export const FAMILIES: readonly { readonly title: string; readonly rules: readonly Rule[] }[] = [
  { title: 'Proxmox VE: container templates', rules: PROXMOX_CT_RULES },
  { title: 'Proxmox VE: virtual machines', rules: PROXMOX_VM_RULES },
  { title: 'OCI images', rules: OCI_RULES },
  { title: 'Incus and LXD', rules: INCUS_RULES },
  { title: 'Hyper-V and Azure', rules: HYPER_V_RULES },
  { title: 'VMware', rules: VMWARE_RULES },
  { title: 'Root filesystems that are only read', rules: FILESYSTEM_RULES },
  { title: 'Images and disks of every kind', rules: DISK_RULES },
  { title: 'Audit: what an image gives away', rules: AUDIT_RULES },
];

/** All rules. */
export const RULES: readonly Rule[] = FAMILIES.flatMap(({ rules }) => rules);
