import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { CommandError, EXIT, UserError } from '../errors.js';
import { TOOL_ENV } from '../exec/run.js';
import {
  qemuArguments,
  type Bus,
  type Firmware,
  type MachineArchitecture,
  type MachineSpec,
  type Nic,
} from './qemu-arguments.js';
import { aavmf, ovmf, type OpenedDisk } from './qemu-images.js';
import { monitorOn, type Monitor } from './qemu-monitor.js';
import { firmwareOf, type Table } from './qemu-partitions.js';

/** A machine that runs. */
export interface Running {
  /** The first serial port. */
  readonly console: { readonly input: Writable; readonly output: Readable };
  /** The second one, where it was asked for. */
  readonly probe: Socket | undefined;
  readonly monitor: Monitor;
  /** Resolves when the machine is off. Rejects when QEMU failed, or the signal came. */
  readonly off: Promise<void>;
  readonly kill: () => void;
}

/**
 * Starts a machine.
 *
 * @param directory for its sockets, whose names the kernel limits to 107 bytes.
 * @throws CommandError when QEMU does not start.
 */
export async function startMachine(
  spec: Omit<MachineSpec, 'monitor' | 'probe'> & { readonly probe: boolean },
  directory: string,
  signal: AbortSignal,
): Promise<Running> {
  signal.throwIfAborted();
  const [monitor, probe] = [await listen(join(directory, 'monitor')), await listen(join(directory, 'probe'))];
  const { probe: wanted, ...rest } = spec;
  // If this process is killed, the kernel ends the machine.
  const argv = [
    ...['setpriv', '--pdeathsig', 'KILL'],
    ...qemuArguments({ ...rest, monitor: monitor.path, ...(wanted ? { probe: probe.path } : {}) }),
  ];
  const [file = '', ...args] = argv;
  const child = spawn(file, args, { env: TOOL_ENV, stdio: 'pipe', signal, killSignal: 'SIGKILL' });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4000);
  });
  child.stdin.on('error', () => undefined);
  let killed = false;
  const off = once(child, 'close').then(
    ([code, by]) => {
      signal.throwIfAborted();
      if (code !== 0 && !killed) throw failed(argv, code === null ? String(by) : `exit status ${String(code)}`, said);
    },
    (error: unknown) => {
      signal.throwIfAborted();
      throw failed(argv, error instanceof Error ? error.message : String(error), said);
    },
  );
  // Whoever waits gets it; while nobody does, it must not end the program.
  off.catch(() => undefined);
  try {
    const sockets = Promise.all([monitor.connected, wanted ? probe.connected : undefined]);
    const ready = await Promise.race([sockets, off]);
    if (ready === undefined) throw failed(argv, 'ended at once', said);
    const [monitorSocket, probeSocket] = ready;
    const kill = (): void => {
      killed = true;
      child.kill('SIGKILL');
    };
    return {
      console: { input: child.stdin, output: child.stdout },
      probe: probeSocket,
      monitor: monitorOn(monitorSocket),
      off,
      kill,
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    monitor.server.close();
    probe.server.close();
  }
}

function failed(argv: readonly string[], exit: string, tail: string): CommandError {
  return new CommandError({
    doing: 'the virtual machine',
    argv: argv.slice(3),
    exit,
    tail: tail.trimEnd(),
    exitCode: EXIT.environment,
  });
}

async function listen(path: string): Promise<{ path: string; server: Server; connected: Promise<Socket> }> {
  rmSync(path, { force: true });
  const server = createServer();
  const connected = once(server, 'connection').then(([socket]) => socket as Socket);
  await once(server.listen(path), 'listening');
  return { path, server, connected };
}

/** The firmware that was asked for, or that the disk is made for, with the variables in the directory, empty at first. */
export function chooseFirmware(
  { table, architecture }: { readonly table: Table; readonly architecture: MachineArchitecture },
  wanted: { readonly firmware?: 'uefi' | 'bios' | undefined; readonly secureBoot: boolean },
  directory: string,
): Firmware {
  const type = wanted.firmware ?? (wanted.secureBoot ? 'uefi' : firmwareOf(table));
  if (type === undefined) {
    throw new UserError('the disk has neither an EFI system partition nor boot code', {
      hint: 'give the disk with the boot loader first; --firmware uefi or bios tries it all the same',
    });
  }
  if (type === 'bios') return { type };
  if (architecture === 'arm64') {
    if (!wanted.secureBoot) return { type, ...aavmf(), secureBoot: false };
    throw new UserError('machines of arm64 are booted without Secure Boot only', {
      hint: "Debian's firmware for them has no keys enrolled: leave --secure-boot away",
    });
  }
  const { code, vars } = ovmf(wanted.secureBoot);
  const own = join(directory, basename(vars));
  if (!existsSync(own)) copyFileSync(vars, own);
  return { type, code, vars: own, secureBoot: wanted.secureBoot };
}

/** Hardware like that of the platform which the format belongs to, as far as QEMU has it. */
export function hardwareOf(disk: Pick<OpenedDisk, 'origin'>): { readonly bus: Bus; readonly nic: Nic } {
  switch (disk.origin) {
    case 'vmdk':
    case 'ova':
      // Not pvscsi: Debian's OVMF (2022.11, 2025.02) has no driver for it and finds nothing to start.
      return { bus: 'ahci', nic: 'vmxnet3' };
    // QEMU has no devices of Hyper-V. Debian's kernels have these two in their standard configuration.
    case 'vhdx':
    case 'vhd':
      return { bus: 'ahci', nic: 'e1000e' };
    default:
      return { bus: 'virtio-scsi', nic: 'virtio-net-pci' };
  }
}
