import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'vitest';
import { hardwareTitle, tryHardware, type Hardware } from '../support/hardware.js';
import { scratch } from '../support/scratch.js';

const layered = { root: 'btrfs', raid: true, luks: true } as const;

/** Layouts, firmware and buses of real machines, each of which a user may choose; the quick suite boots one of them. */
const MACHINES: readonly Hardware[] = [
  { example: 'deb12-amd64-hardware-uefi', root: 'ext4', bus: 'nvme', firmware: ['uefi', 'uefi'] },
  { example: 'deb13-amd64-hardware-uefi', root: 'ext4', bus: 'virtio-blk', firmware: ['uefi', 'uefi'] },
  { example: 'deb12-amd64-hardware-bios', ...layered, bus: 'ahci', firmware: ['bios', 'bios'], second: true },
  { example: 'deb13-amd64-hardware-bios', ...layered, bus: 'virtio-scsi', firmware: ['bios', 'bios'], second: true },
  { example: 'deb12-amd64-hardware-bios', root: 'ext4', plain: true, bus: 'ahci', firmware: ['bios', 'bios'] },
  { example: 'deb13-amd64-hardware-bios', root: 'ext4', plain: true, bus: 'virtio-blk', firmware: ['bios', 'bios'] },
  { example: 'deb12-amd64-hw', root: 'btrfs', bus: 'virtio-scsi', firmware: ['uefi', 'bios'] },
  { example: 'deb13-amd64-hw', root: 'btrfs', bus: 'ahci', firmware: ['bios', 'uefi'] },
  {
    example: 'deb12-amd64-hardware-uefi',
    ...layered,
    bus: 'virtio-scsi',
    firmware: ['uefi', 'uefi'],
    secureBoot: true,
    second: true,
  },
  {
    example: 'deb13-amd64-hardware-uefi',
    ...layered,
    bus: 'nvme',
    firmware: ['uefi', 'uefi'],
    secureBoot: true,
    second: true,
  },
  { example: 'deb11-amd64-hw', ...layered, bus: 'ahci', firmware: ['bios', 'uefi'], second: true },
];

describe('a real machine', () => {
  const directory = scratch();
  for (const [n, machine] of MACHINES.entries()) {
    it(hardwareTitle(machine), async () => {
      const own = path.join(directory, String(n));
      mkdirSync(own);
      await tryHardware(machine, own, own);
      // Some gigabytes each.
      rmSync(own, { recursive: true });
    });
  }
});
