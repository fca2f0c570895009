import type { Severity } from './types.js';

/** What `verify --boot` asks of a machine, beside the rules of its platform. */
interface BootRule {
  readonly id: string;
  readonly severity: Severity;
  readonly title: string;
}

/** docs/boot.md tells the same. A finding may be less than its rule: a disk's identity in common is a warning. */
export const BOOT_RULES: readonly BootRule[] = [
  { id: 'BOOT-001', severity: 'error', title: 'The machine starts: firmware, GRUB, kernel and initramfs' },
  { id: 'BOOT-002', severity: 'error', title: 'The boot comes to an end in time' },
  { id: 'BOOT-003', severity: 'error', title: 'No unit fails' },
  { id: 'BOOT-004', severity: 'warning', title: 'The root file system grows to the disk' },
  { id: 'BOOT-005', severity: 'error', title: 'Two machines have no identity in common' },
  { id: 'BOOT-006', severity: 'error', title: 'Identities are the same at the second boot' },
  { id: 'BOOT-007', severity: 'warning', title: 'The network has an address when DHCP offers one' },
  { id: 'BOOT-008', severity: 'info', title: 'There are no errors in the journal' },
  { id: 'BOOT-009', severity: 'warning', title: 'The power button switches the machine off' },
  { id: 'BOOT-010', severity: 'warning', title: 'The machine can be asked' },
  { id: 'BOOT-011', severity: 'warning', title: 'The machine does not restart by itself' },
  { id: 'BOOT-012', severity: 'error', title: 'The kernel sees Secure Boot when it was asked for' },
  { id: 'BOOT-013', severity: 'warning', title: 'The first boot is over at the second' },
  { id: 'BOOT-014', severity: 'info', title: 'A login prompt is on the serial console' },
];
