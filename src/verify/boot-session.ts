import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { withMachine, type MachineOptions } from './machine-options.js';
import type { Network } from './qemu-arguments.js';
import { createOverlay } from './qemu-images.js';
import { chooseFirmware, startMachine } from './qemu-machine.js';

/** How a machine is started for somebody to look at. */
export interface SessionOptions extends MachineOptions {
  /** Size of the first disk; undefined for that of the image. */
  readonly diskBytes?: number | undefined;
  readonly network: Network;
}

/**
 * Boots the machine in these images with its serial console on two streams, until it is switched off. What it writes to
 * its disks is thrown away then.
 *
 * @throws UserError when the files hold no machine; the reason of the signal when it was aborted.
 */
export async function bootSession(
  files: readonly string[],
  options: SessionOptions,
  streams: { readonly input: Readable; readonly output: Writable },
): Promise<void> {
  const { signal, say, memoryMiB, cpus, network } = options;
  await withMachine(files, options, async ({ directory, image, others, table, accelerator, why, hardware }) => {
    const firmware = chooseFirmware(table, options, directory);
    const overlays = [image, ...others].map((disk, n) =>
      createOverlay(disk, join(directory, `disk${String(n)}.qcow2`), n === 0 ? options.diskBytes : undefined, signal),
    );
    const spec = { accelerator, memoryMiB, cpus, firmware, disks: await Promise.all(overlays), ...hardware, network };
    const { bus, nic } = hardware;
    const how = accelerator === 'kvm' ? 'with KVM' : `emulated (${why}), which takes its time`;
    say(`${firmware.type === 'uefi' ? 'UEFI' : 'BIOS'}, disks on ${bus}, network on ${nic}, ${how}`);
    const machine = await startMachine({ ...spec, probe: false }, directory, signal);
    streams.input.pipe(machine.console.input, { end: false });
    machine.console.output.pipe(streams.output, { end: false });
    try {
      await machine.off;
    } finally {
      streams.input.unpipe(machine.console.input);
      machine.kill();
    }
  });
}
