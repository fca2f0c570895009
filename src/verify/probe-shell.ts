import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { plain } from './boot-console.js';
import { FINISHED, parseAnswers, probeScript, typedScript, type Answers } from './probe-script.js';
import type { MachineArchitecture } from './qemu-arguments.js';

/** The second serial port, as the kernel calls it: a PC's, or Arm's PL011. */
const PORTS: Readonly<Record<MachineArchitecture, string>> = { amd64: 'ttyS1', arm64: 'ttyAMA1' };

/**
 * Kernel parameters that give us a root shell on the second serial port, from the start of systemd. Nothing in the image
 * is changed or added: systemd-debug-generator of every systemd since 238 knows the parameter with a terminal's name.
 */
export function probeParameters(architecture: MachineArchitecture): string {
  return `systemd.debug_shell=${PORTS[architecture]}`;
}

/**
 * For emulated machines besides: what takes the kernel long and says nothing about the image. Thunks against side channels,
 * which an emulated processor has not, and tests of the kernel's own ciphers.
 */
export const EMULATED_PARAMETERS = 'mitigations=off cryptomgr.notests';

/**
 * The shell for systemd from 256 on, by credentials in the machine's SMBIOS tables: works where grub.cfg cannot be reached
 * from outside (LVM, LUKS).
 */
export function probeCredentials(architecture: MachineArchitecture): string[] {
  return [
    credential(
      'systemd.unit-dropin.debug-shell.service',
      `[Service]\nTTYPath=/dev/${PORTS[architecture]}\n[Unit]\nConditionPathExists=\n`,
    ),
    credential('systemd.unit-dropin.sysinit.target', '[Unit]\nWants=debug-shell.service\n'),
  ];
}

function credential(name: string, text: string): string {
  return `io.systemd.credential.binary:${name}=${Buffer.from(text).toString('base64')}`;
}

/** A root shell in the machine. */
export interface Shell {
  /** Whether the shell has shown its prompt; it does so early in the boot. */
  readonly taken: () => boolean;
  /** Waits until systemd has finished the boot, and gives up when the signal comes. */
  readonly booted: (signal: AbortSignal) => Promise<boolean>;
  readonly ask: (signal: AbortSignal) => Promise<Answers>;
  readonly powerOff: () => void;
}

const HERE = '@@imgbuild here';
const BOOTED = '@@imgbuild booted';
const FREE = '@@imgbuild free';
const CONTROL_C = '\u0003';
const INTERRUPT_MS = 5000;

/** How long a prompt must stand still: the firmware and GRUB write to this port, too, but do not stop at such an end. */
const SETTLED_MS = 500;

/**
 * Takes the shell on a serial line. Nothing is typed before its prompt is there: firmware and GRUB read keys from the same
 * line, and would stop at the first one.
 */
export function shellOn(socket: Socket): Shell {
  let text = '';
  let changed = (): void => undefined;
  socket.setEncoding('latin1');
  socket.on('error', () => undefined);
  socket.on('data', (part: string) => {
    text += part;
    changed();
  });
  const type = (lines: readonly string[]): void => {
    if (socket.writable) socket.write(lines.map((line) => `${line}\n`).join(''), 'latin1');
  };
  const until = async (seen: () => boolean, signal?: AbortSignal): Promise<boolean> => {
    while (!seen()) {
      if (signal?.aborted === true || socket.destroyed) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return true;
  };
  let taken = false;
  let waiting = false;
  const take = async (signal: AbortSignal): Promise<boolean> => {
    for (let before = -1; before !== text.length;) {
      if (!(await until(() => hasPrompt(text), signal))) return false;
      before = text.length;
      await delay(SETTLED_MS);
    }
    // bash changes the terminal's mode with each line that it reads, and loses some that come quickly.
    const start = text.length;
    type(['stty -echo; exec sh']);
    if (!(await until(() => hasPrompt(text.slice(start)), signal))) return false;
    type(['PS1=; PS2=; echo @@"imgbuild" here']);
    taken = await until(() => text.includes(HERE), signal);
    return taken;
  };
  return {
    taken: () => taken,
    booted: async (signal) => {
      if (!(await take(signal))) return false;
      waiting = true;
      type(['systemctl is-system-running --wait > /dev/null 2>&1; echo @@"imgbuild" booted']);
      waiting = !(await until(() => text.includes(BOOTED), signal));
      return !waiting;
    },
    ask: async (signal) => {
      if (waiting) {
        socket.write(CONTROL_C);
        // With that key the terminal throws away what has been typed, this line as well when it comes too early.
        while (!text.includes(FREE) && !signal.aborted) {
          type(['echo @@"imgbuild" free']);
          await until(() => text.includes(FREE), AbortSignal.any([signal, AbortSignal.timeout(INTERRUPT_MS)]));
        }
      }
      const start = text.length;
      type(typedScript(probeScript()));
      await until(() => text.includes(FINISHED, start), signal);
      return parseAnswers(text.slice(start));
    },
    powerOff: () => {
      type(['systemctl poweroff']);
    },
  };
}

/** Whether the line ends in the prompt of a root shell: `# ` of dash, `root@name:/# ` of bash. */
export function hasPrompt(text: string): boolean {
  return /(^|\n|:\S*)# $/.test(plain(text.slice(-400)));
}
