import { it } from 'vitest';
import { hardwareTitle, tryHardware, type Hardware } from '../support/hardware.js';
import { BOOT_OUTPUT } from '../support/key.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();

/** All layers at once; `test/run machines` tries many other machines. */
const MACHINE: Hardware = {
  example: 'deb12-amd64-hardware-uefi',
  root: 'btrfs',
  raid: true,
  luks: true,
  secureBoot: true,
  bus: 'virtio-scsi',
  firmware: ['uefi'],
};

it(hardwareTitle(MACHINE), async () => {
  await tryHardware(MACHINE, directory, BOOT_OUTPUT);
});
