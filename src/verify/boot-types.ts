import type { MachineFacts } from './probe-facts.js';
import type { Bus, Nic } from './qemu-arguments.js';
import type { Accelerator } from './qemu-kvm.js';
import type { Trouble } from './boot-console.js';
import type { Finding } from './types.js';

/**
 * The boots of a verification: a new machine, the same machine again (with empty NVRAM, as after a move to another host),
 * and another new machine from the same image.
 */
export type BootName = 'first' | 'second' | 'other';

/** One boot, as seen from outside and told from inside. */
export interface BootRun {
  readonly name: BootName;
  readonly seconds: {
    /** From power on to a login prompt on the serial console. */
    readonly login?: number;
    /** From power on until systemd has nothing to do any more. */
    readonly booted?: number;
    readonly powerOff?: number;
  };
  readonly trouble?: Trouble;
  /** The power button was pressed, or the machine told to go. */
  readonly powerOffBy: 'button' | 'command';
  readonly restarts: number;
  /** Undefined when the machine could not be asked. */
  readonly facts?: MachineFacts;
  /** Why it could not be asked. */
  readonly unasked?: string;
  /** Last lines of the serial console. */
  readonly console: readonly string[];
}

/** All that booting an image has shown. */
export interface BootReport {
  readonly images: readonly string[];
  readonly accelerator: Accelerator;
  readonly firmware: 'uefi' | 'bios';
  readonly secureBoot: boolean;
  readonly bus: Bus;
  readonly nic: Nic;
  /** Size of the first disk in the image, and what the machines were given. */
  readonly disk: { readonly image: number; readonly machine: number };
  readonly boots: readonly BootRun[];
  readonly findings: readonly Finding[];
}
