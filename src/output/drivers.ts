import type { FormatName } from '../config/formats.js';

/** What a machine needs to start on a hypervisor. */
export interface Hypervisor {
  /** For messages. */
  readonly name: string;
  /** Kernel modules without which the disk that it gives a machine is not seen. */
  readonly drivers: readonly string[];
  /** The collection that brings them. */
  readonly collection: string;
}

export const HYPERVISORS = {
  kvm: { name: 'KVM', drivers: ['virtio_pci', 'virtio_scsi'], collection: 'vm/kvm' },
  hyperV: { name: 'Hyper-V', drivers: ['hv_vmbus', 'hv_storvsc'], collection: 'vm/hyper-v' },
  vmware: { name: 'VMware', drivers: ['vmw_pvscsi'], collection: 'vm/esxi' },
} as const satisfies Readonly<Record<string, Hypervisor>>;

/** What a disk of each format is run by; the others are for any machine. */
export const HYPERVISOR_OF: Partial<Readonly<Record<FormatName, Hypervisor>>> = {
  incus: HYPERVISORS.kvm,
  'incus-split': HYPERVISORS.kvm,
  qcow2: HYPERVISORS.kvm,
  vhdx: HYPERVISORS.hyperV,
  vhd: HYPERVISORS.hyperV,
  vmdk: HYPERVISORS.vmware,
  ova: HYPERVISORS.vmware,
};
