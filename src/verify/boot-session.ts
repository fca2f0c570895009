import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { Bus, Network, Nic } from './qemu-arguments.js';
import { createOverlay, openImages, tableOf } from './qemu-images.js';
import { chooseAccelerator, type Accelerator } from './qemu-kvm.js';
import { chooseFirmware, hardwareOf, startMachine } from './qemu-machine.js';

/** How a machine is started for somebody to look at. */
export interface SessionOptions {
  readonly cacheDir: string;
  readonly workDir: string;
  readonly accelerator?: Accelerator | undefined;
  readonly memoryMiB: number;
  readonly cpus: number;
  readonly firmware?: 'uefi' | 'bios' | undefined;
  readonly secureBoot: boolean;
  readonly bus?: Bus | undefined;
  readonly nic?: Nic | undefined;
  /** Size of the first disk; undefined for that of the image. */
  readonly diskBytes?: number | undefined;
  readonly network: Network;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
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
  const { signal, say } = options;
  mkdirSync(options.workDir, { recursive: true });
  const directory = mkdtempSync(join(options.workDir, 'boot-'));
  try {
    const disks = await openImages(files, { directory, signal });
    const [image] = disks;
    if (image === undefined) throw new Error('bootSession: no image');
    const firmware = chooseFirmware(await tableOf(image, { directory, signal }), options, directory);
    const { accelerator, why } =
      options.accelerator === undefined
        ? await chooseAccelerator(options.cacheDir, directory, signal)
        : { accelerator: options.accelerator, why: 'as asked' };
    const { bus = hardwareOf(image).bus, nic = hardwareOf(image).nic } = options;
    const overlays = disks.map((disk, n) =>
      createOverlay(disk, join(directory, `disk${String(n)}.qcow2`), n === 0 ? options.diskBytes : undefined, signal),
    );
    const { memoryMiB, cpus, network } = options;
    const spec = { accelerator, memoryMiB, cpus, firmware, disks: await Promise.all(overlays), bus, nic, network };
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
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
