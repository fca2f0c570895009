import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';

/** QEMU's machine protocol, as much of it as a boot needs. */
export interface Monitor {
  /** Presses the power button. */
  readonly powerButton: () => void;
  /** How often the guest has restarted the machine. */
  readonly resets: () => number;
}

interface Message {
  readonly QMP?: unknown;
  readonly event?: string;
  readonly data?: { readonly guest?: boolean };
}

/** Speaks with QEMU over the socket that it has connected to. */
export function monitorOn(socket: Socket): Monitor {
  let resets = 0;
  const send = (execute: string): void => {
    if (socket.writable) socket.write(`${JSON.stringify({ execute })}\n`);
  };
  socket.on('error', () => undefined);
  const lines = createInterface({ input: socket });
  // It passes on the errors of its input (Node 16 and later); how the machine ended is told by its process.
  lines.on('error', () => undefined);
  lines.on('line', (line) => {
    const message = JSON.parse(line) as Message;
    if (message.QMP !== undefined) send('qmp_capabilities');
    if (message.event === 'RESET' && message.data?.guest === true) resets += 1;
  });
  return {
    powerButton: () => {
      send('system_powerdown');
    },
    resets: () => resets,
  };
}
