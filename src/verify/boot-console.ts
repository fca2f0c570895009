/** What a serial console has shown so far. Times are milliseconds of the clock that is passed in. */
export interface ConsoleState {
  /** The end of what was written. */
  readonly text: string;
  /** When a login prompt came. */
  readonly login?: number;
  /** Something that does not mend by waiting. */
  readonly trouble?: Trouble;
}

export interface Trouble {
  readonly what: string;
  readonly hint: string;
}

/** Where systemd ends when what it cannot do without fails. */
export const EMERGENCY: Trouble = {
  what: 'systemd ends in emergency mode',
  hint: 'a line of /etc/fstab may name what is not there',
};

export const SILENT: ConsoleState = { text: '' };

/** How much of the end is kept: enough for the last screens of a kernel in panic. */
const KEPT = 32 * 1024;

const TROUBLES: readonly (Trouble & { readonly sign: RegExp })[] = [
  {
    sign: /UEFI Interactive Shell|BdsDxe: No bootable option|No bootable device|Boot failed: not a bootable disk/,
    what: 'the firmware finds nothing to start',
    hint: 'the disk needs EFI/BOOT/BOOTX64.EFI (arm64: BOOTAA64.EFI) in its EFI system partition, or boot code for a BIOS',
  },
  {
    sign: /Access Denied|Verification failed: \(0x1A\)|bad shim signature|Security Violation/,
    what: 'the firmware refuses the boot loader or kernel: its signature is not known',
    hint: 'set boot.secureBoot, or boot without --secure-boot',
  },
  {
    sign: /grub rescue>|grub> ?$/,
    what: 'GRUB does not find its configuration',
    hint: 'the stub in the EFI system partition searches for a file system that is not there',
  },
  {
    // Other errors of GRUB, of a font or module that is missing, do not keep it from starting a kernel.
    sign: /error: you need to load the kernel first/,
    what: 'GRUB does not find what its configuration names',
    hint: 'compare the UUIDs in grub.cfg with those of the file systems',
  },
  { sign: /Kernel panic - not syncing/, what: 'the kernel panics', hint: 'its last lines tell why' },
  {
    sign: /ALERT!|\(initramfs\)/,
    what: 'the initramfs does not find the root file system',
    hint: 'a driver for the disk is missing in the initramfs, or root= names another file system',
  },
  {
    sign: /You are in (emergency|rescue) mode|Entering (emergency|rescue) mode|Give root password for maintenance/,
    ...EMERGENCY,
  },
];

/** What is known after some more output. */
export function watch(state: ConsoleState, output: string, now: number): ConsoleState {
  const text = plain(state.text + output).slice(-KEPT);
  const recent = text.slice(-(output.length + 200));
  const found = state.trouble ?? TROUBLES.find(({ sign }) => sign.test(recent));
  const login = state.login ?? (/(^|\n)\S+ login: /.test(recent) ? now : undefined);
  return {
    text,
    ...(login === undefined ? {} : { login }),
    ...(found === undefined ? {} : { trouble: { what: found.what, hint: found.hint } }),
  };
}

const [ESCAPE, BELL] = [27, 7].map((code) => String.fromCharCode(code)) as [string, string];
const SEQUENCES = new RegExp(`${ESCAPE}(\\[[?=\\d;]*[a-zA-Z]|\\][^${BELL}]*${BELL}|[()][A-Z0-9]|[=>c])`, 'g');

/** Text without what makes a terminal move, colour and name its window. */
export function plain(text: string): string {
  return text.replace(SEQUENCES, '').replaceAll('\r', '');
}

/** Longer lines are not told whole. */
const LINE = 200;

/** The last lines that say something. */
export function lastLines(state: ConsoleState, count: number): string[] {
  return (
    state.text
      .split('\n')
      // GRUB moves through its menu by spaces; a screen of them says nothing.
      .map((line) =>
        line
          .replace(/\s{3,}/g, '  ')
          .trim()
          .slice(-LINE),
      )
      .filter((line) => line !== '')
      .slice(-count)
  );
}
