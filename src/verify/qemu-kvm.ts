import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { debianArchitecture } from '../config/architectures.js';
import { TOOL_ENV } from '../exec/run.js';
import type { MachineArchitecture } from './qemu-arguments.js';
import type { Workbench } from './qemu-images.js';

export type Accelerator = 'kvm' | 'tcg';

/** Its firmware takes a third of a second to reach our sector where KVM works; five where KVM is emulated itself. */
const PROBE_MS = 2500;

/** What the guest of the probe makes QEMU exit with: isa-debug-exit gives twice the byte, plus one. */
const PROBE_BYTE = 0x10;
const PROBE_EXIT = PROBE_BYTE * 2 + 1;

const DEVICE = '/dev/kvm';

/**
 * KVM where it works, else emulation. That the device is there says little: in a nested machine guests may crawl or hang,
 * so a guest of one sector is tried, once in the life of the machine.
 *
 * @param cacheDir where the answer is remembered.
 */
export async function chooseAccelerator(
  architecture: MachineArchitecture,
  cacheDir: string,
  { directory, signal }: Pick<Workbench, 'directory' | 'signal'>,
): Promise<{ readonly accelerator: Accelerator; readonly why: string }> {
  const here = debianArchitecture();
  if (architecture !== here) return { accelerator: 'tcg', why: `a machine for ${architecture} on ${here}` };
  // The guest that is tried is one for a PC.
  if (here !== 'amd64') return { accelerator: 'tcg', why: `--accelerator kvm has to be asked for on ${here}` };
  try {
    accessSync(DEVICE, constants.R_OK | constants.W_OK);
  } catch {
    return { accelerator: 'tcg', why: `${DEVICE} cannot be opened` };
  }
  const file = join(cacheDir, 'kvm.json');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const known = remembered(file);
  const works = known?.boot === boot ? known.works : await tryKvm(directory, signal);
  // A cache that cannot be written costs the next run two seconds, and that is all.
  if (known?.boot !== boot) await writeFile(file, JSON.stringify({ boot, works })).catch(() => undefined);
  return works
    ? { accelerator: 'kvm', why: 'KVM works' }
    : { accelerator: 'tcg', why: 'KVM is there, but a guest on it does not get on' };
}

function remembered(file: string): { readonly boot: string; readonly works: boolean } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { boot: string; works: boolean };
  } catch {
    return undefined;
  }
}

async function tryKvm(workDir: string, signal: AbortSignal): Promise<boolean> {
  const directory = mkdtempSync(join(workDir, 'kvm-'));
  try {
    const disk = join(directory, 'disk');
    await writeFile(disk, probeDisk());
    const machine = [
      '-accel',
      'kvm',
      '-machine',
      'pc',
      '-m',
      '64',
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
    ];
    const exit = ['-no-reboot', '-device', 'isa-debug-exit,iobase=0x501,iosize=1'];
    const child = spawn('qemu-system-x86_64', [...machine, ...exit, '-drive', `file=${disk},format=raw,if=ide`], {
      env: TOOL_ENV,
      stdio: 'ignore',
      timeout: PROBE_MS,
      killSignal: 'SIGKILL',
      signal,
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return code === PROBE_EXIT;
  } catch {
    signal.throwIfAborted();
    return false;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A disk whose boot sector tells the port that it is there: mov dx,0x501; mov al,BYTE; out dx,al; hlt. */
function probeDisk(): Buffer {
  // SeaBIOS does not boot from a disk of one sector.
  const disk = Buffer.alloc(2 ** 20);
  Buffer.from([0xba, 0x01, 0x05, 0xb0, PROBE_BYTE, 0xee, 0xf4]).copy(disk);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

/** The device for the builder of a launcher, where this machine has it. */
export function kvmDevice(): string | undefined {
  try {
    return statSync(DEVICE).isCharacterDevice() ? DEVICE : undefined;
  } catch {
    return undefined;
  }
}
