import type { Builder } from './image.js';
import type { WorkPlace } from './memory.js';
import type { Mount } from './mounts.js';

export interface LaunchOptions {
  readonly builder: Builder;
  readonly work: WorkPlace;
  /** All capabilities and devices, as `docker run --privileged` gives. */
  readonly privileged?: boolean;
  /** `host` shares the network of this machine, `none` has none; the engine's own network otherwise. */
  readonly network?: 'bridge' | 'host' | 'none';
  readonly env?: Readonly<Record<string, string>>;
  /** Devices of this machine that the builder may open. There is one only: /dev/kvm, for virtual machines. */
  readonly devices?: readonly string[];
  /** TCP ports of 127.0.0.1 that lead to the same port in the builder, where it has a network of its own. */
  readonly ports?: readonly number[];
  /**
   * Standard input and output as bytes instead of lines. The builder's input stays open when this one ends: its end says
   * that the launcher is gone.
   */
  readonly stream?: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream };
  /** Ends the builder: first by closing its standard input, after a grace by force. */
  readonly signal?: AbortSignal | undefined;
}

/** A process in the builder, the same for all engines. */
export interface Session extends Omit<LaunchOptions, 'work' | 'builder'> {
  /** Names the container and the work directory. */
  readonly id: string;
  readonly argv: readonly string[];
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
  /** Size of a tmpfs at /work; undefined when a mount stands there. */
  readonly workBytes?: number;
  /**
   * Written to standard input, which then stays open: its end tells the builder that the launcher is gone or wants it
   * to stop. Undefined gives the builder no input at all.
   */
  readonly input?: string;
  /** Standard input, output and error are this process's terminal. */
  readonly terminal?: boolean;
  readonly onOutput: (line: string) => void;
  readonly onError: (line: string) => void;
}

/** How long the builder has to unwind before it is killed. */
export const GRACE_MS = 10_000;
