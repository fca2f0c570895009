import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { giveToOwnerOf } from '../exec/context.js';
import { keptDisks } from './boot-kept.js';
import { withMachine, type MachineOptions } from './machine-options.js';
import type { DiskSource, Network } from './qemu-arguments.js';
import { createOverlay } from './qemu-images.js';
import { chooseFirmware, startMachine, type Running } from './qemu-machine.js';
import { giveTpm, startTpm } from './tpm.js';

/** How a machine is started for somebody to look at. */
export interface SessionOptions extends MachineOptions {
  /** Size of the first disk; undefined for that of the image. */
  readonly diskBytes?: number | undefined;
  readonly network: Network;
  /** Where disks and UEFI variables stay when the machine is off; undefined when they shall be gone then. */
  readonly keepDir?: string | undefined;
  /** With a TPM, which remembers as long as the disks do. */
  readonly tpm?: boolean | undefined;
}

interface Streams {
  readonly input: Readable;
  readonly output: Writable;
}

/**
 * Boots the machine in these images with its serial console on two streams, until it is switched off. What it writes to
 * its disks is thrown away then, or kept in a directory.
 *
 * @throws UserError when the files hold no machine; the reason of the signal when it was aborted.
 */
export async function bootSession(files: readonly string[], options: SessionOptions, streams: Streams): Promise<void> {
  const { signal, say, memoryMiB, cpus, network, keepDir, diskBytes } = options;
  await withMachine(files, options, async (prepared) => {
    const { directory, image, others, architecture, accelerator, why, hardware } = prepared;
    const images = [image, ...others];
    const disks =
      keepDir === undefined
        ? await newDisks(directory, images, diskBytes, signal)
        : await keptDisks(keepDir, files, images, diskBytes, signal);
    const firmware = chooseFirmware(prepared, options, keepDir ?? directory);
    if (keepDir !== undefined && firmware.type === 'uefi' && firmware.vars !== undefined) {
      giveToOwnerOf(keepDir, firmware.vars);
    }
    const lasting = keepDir !== undefined;
    const state = join(keepDir ?? directory, 'tpm');
    const tpm = options.tpm === true ? await startTpm(state, directory, signal) : undefined;
    const devices = tpm === undefined ? {} : { tpm: tpm.socket };
    const spec = {
      architecture,
      accelerator,
      memoryMiB,
      cpus,
      firmware,
      disks,
      lasting,
      ...hardware,
      network,
      ...devices,
    };
    const { bus, nic } = hardware;
    const how = accelerator === 'kvm' ? 'with KVM' : `emulated (${why}), which takes its time`;
    say(`${firmware.type === 'uefi' ? 'UEFI' : 'BIOS'}, disks on ${bus}, network on ${nic}, ${how}`);
    try {
      await attended(await startMachine({ ...spec, probe: false }, directory, signal), streams);
    } finally {
      tpm?.kill();
      if (tpm !== undefined && lasting) giveTpm(state);
    }
  });
}

/** Leads the console of a machine to two streams until it is off. */
async function attended(machine: Running, streams: Streams): Promise<void> {
  streams.input.pipe(machine.console.input, { end: false });
  machine.console.output.pipe(streams.output, { end: false });
  try {
    await machine.off;
  } finally {
    streams.input.unpipe(machine.console.input);
    machine.kill();
  }
}

async function newDisks(
  directory: string,
  images: readonly DiskSource[],
  bytes: number | undefined,
  signal: AbortSignal,
): Promise<DiskSource[]> {
  const overlays = images.map((disk, n) =>
    createOverlay(disk, join(directory, `disk${String(n)}.qcow2`), n === 0 ? bytes : undefined, signal),
  );
  return await Promise.all(overlays);
}
