import type { Answers } from './probe-script.js';

/** What a booted machine tells about itself. */
export interface MachineFacts {
  /** As `systemctl is-system-running` says; '' when it said nothing. */
  readonly state: string;
  readonly release: string;
  readonly kernel: string;
  readonly firmware: 'uefi' | 'bios';
  /** Whether the firmware told the kernel that Secure Boot is on; undefined when the kernel does not say. */
  readonly secureBoot: boolean | undefined;
  readonly failedUnits: readonly { readonly unit: string; readonly log: readonly string[] }[];
  /** Units that were not started because they, or what they need, did not come in time: no unit is failed by it. */
  readonly undone: readonly { readonly unit: string; readonly message: string }[];
  /** Jobs that still wait when the boot is over. */
  readonly waiting: readonly string[];
  /** First line of `systemd-analyze time`. */
  readonly bootTime: string;
  readonly slowest: readonly { readonly unit: string; readonly seconds: number }[];
  readonly interfaces: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  readonly defaultRoute: boolean;
  readonly root: { readonly source: string; readonly format: string; readonly bytes: number; readonly free: number };
  /** The disk that the root file system lies on, and the room on it that belongs to no partition. */
  readonly disk: { readonly bytes: number; readonly unpartitioned: number } | undefined;
  readonly identities: readonly Identity[];
  readonly hostname: string;
  readonly sshdActive: boolean;
  readonly firstBootUnits: readonly string[];
  /** The kernel was told to make this the first boot. */
  readonly firstBootFlag: boolean;
  readonly journal: readonly { readonly source: string; readonly message: string; readonly times: number }[];
}

/** Something that no two machines may have in common. */
export interface Identity {
  readonly kind: 'machine-id' | 'host key' | 'disk' | 'partition' | 'file system' | 'swap';
  /** What it is of: `sda1`, `ED25519`; '' where there is only one. */
  readonly of: string;
  readonly value: string;
}

interface Block {
  readonly name: string;
  readonly type: string;
  readonly size: number | string;
  readonly fstype: string | null;
  readonly uuid: string | null;
  readonly partuuid: string | null;
  readonly ptuuid: string | null;
  readonly mountpoint: string | null;
  readonly children?: readonly Block[];
}

interface Link {
  readonly ifname?: string;
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[];
}

/** Reads the answers of a machine. What it did not answer is empty. */
export function machineFacts(answers: Answers): MachineFacts {
  const { blockdevices } = (json(answers.blocks) as { blockdevices: readonly Block[] } | undefined) ?? {
    blockdevices: [],
  };
  const cmdline = (answers.cmdline ?? '').split(/\s+/);
  return {
    state: answers.state ?? '',
    release: answers.release ?? '',
    kernel: answers.kernel ?? '',
    firmware: answers.firmware === 'bios' ? 'bios' : 'uefi',
    secureBoot: secureBoot(answers.secureboot ?? ''),
    failedUnits: lines(answers.failed).map((unit) => ({ unit, log: logOf(unit, answers.why) })),
    undone: lines(answers.undone).flatMap(undone),
    waiting: lines(answers.waiting),
    bootTime: lines(answers.time)[0] ?? '',
    slowest: lines(answers.blame).flatMap(blame),
    interfaces: ((json(answers.address) as readonly Link[] | undefined) ?? []).flatMap(links),
    defaultRoute: ((json(answers.route) as readonly { dst?: string }[] | undefined) ?? []).some(
      ({ dst }) => dst === 'default',
    ),
    root: rootOf(answers.root),
    disk: rootDisk(blockdevices),
    identities: [
      ...lines(answers.machine).map((value): Identity => ({ kind: 'machine-id', of: '', value })),
      ...lines(answers.hostkeys).flatMap(hostKey),
      ...blockdevices.flatMap(blockIdentities),
    ],
    hostname: answers.hostname ?? '',
    sshdActive: lines(answers.sshd).includes('active'),
    firstBootUnits: lines(answers.firstboot),
    firstBootFlag: cmdline.includes('firstboot=1'),
    journal: journal(answers.journal),
  };
}

function lines(text: string | undefined): string[] {
  return (text ?? '').split('\n').filter((line) => line.trim() !== '');
}

/** JSON that a serial line may have spoiled is no reason to fail: then nothing is known. */
function json(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '') as unknown;
  } catch {
    return undefined;
  }
}

/** The bytes of the EFI variable, the last of which is the value, or a line of the kernel's log. */
function secureBoot(text: string): boolean | undefined {
  return text === '' ? undefined : /\b1$|enabled/.test(text);
}

function logOf(unit: string, text: string | undefined): string[] {
  return lines(text).flatMap((line) => (line.startsWith(`${unit} `) ? [line.slice(unit.length + 1)] : []));
}

/** An entry of the journal about a job of systemd's. */
function undone(line: string): { unit: string; message: string }[] {
  const { UNIT: unit, MESSAGE: message } = (json(line) as Readonly<Record<string, unknown>> | undefined) ?? {};
  return typeof unit === 'string' && typeof message === 'string' ? [{ unit, message }] : [];
}

/** `1min 2.345s foo.service` */
function blame(line: string): { unit: string; seconds: number }[] {
  const match = /^\s*((?:[\d.]+\s*(?:min|ms|s|h)\s+)+)(\S+)$/.exec(line);
  if (match === null) return [];
  const scale: Readonly<Record<string, number>> = { h: 3600, min: 60, s: 1, ms: 0.001 };
  const parts = [...(match[1] ?? '').matchAll(/([\d.]+)\s*(min|ms|s|h)/g)];
  const seconds = parts.reduce((sum, [, value, unit]) => sum + Number(value) * (scale[unit ?? ''] ?? 0), 0);
  return [{ unit: match[2] ?? '', seconds }];
}

function links({ ifname = '', addr_info: found = [] }: Link): { name: string; addresses: string[] }[] {
  if (ifname === 'lo') return [];
  // A link-local address says nothing: the kernel gives it by itself.
  const usable = found.filter(({ scope }) => scope === 'global');
  return [{ name: ifname, addresses: usable.map(({ local = '', prefixlen = 0 }) => `${local}/${String(prefixlen)}`) }];
}

function rootOf(text: string | undefined): MachineFacts['root'] {
  interface Mount {
    source: string;
    fstype: string;
    size: number | string;
    avail: number | string;
  }
  const mount = (json(text) as { filesystems: readonly Mount[] } | undefined)?.filesystems[0];
  // Before util-linux 2.33 numbers stood in quotes.
  return {
    source: mount?.source ?? '',
    format: mount?.fstype ?? '',
    bytes: Number(mount?.size ?? 0),
    free: Number(mount?.avail ?? 0),
  };
}

function rootDisk(blocks: readonly Block[]): MachineFacts['disk'] {
  const holdsRoot = (block: Block): boolean => block.mountpoint === '/' || (block.children ?? []).some(holdsRoot);
  const disk = blocks.find((block) => block.type === 'disk' && holdsRoot(block));
  if (disk === undefined) return undefined;
  const used = (disk.children ?? []).reduce((sum, { size }) => sum + Number(size), 0);
  return { bytes: Number(disk.size), unpartitioned: Number(disk.size) - used };
}

/** `256 SHA256:abc comment (ED25519)` */
function hostKey(line: string): Identity[] {
  const match = /^\d+ (\S+) .*\((\w+)\)$/.exec(line);
  return match === null ? [] : [{ kind: 'host key', of: match[2] ?? '', value: match[1] ?? '' }];
}

function blockIdentities(block: Block): Identity[] {
  const own: Identity[] = [];
  const add = (kind: Identity['kind'], value: string | null): void => {
    if (value !== null && value !== '') own.push({ kind, of: block.name, value });
  };
  if (block.type === 'disk') add('disk', block.ptuuid);
  if (block.type === 'part') add('partition', block.partuuid);
  if (block.fstype !== null) add(block.fstype === 'swap' ? 'swap' : 'file system', block.uuid);
  return [...own, ...(block.children ?? []).flatMap(blockIdentities)];
}

function journal(text: string | undefined): MachineFacts['journal'] {
  const counted = new Map<string, { source: string; message: string; times: number }>();
  for (const line of lines(text)) {
    const entry = json(line) as Readonly<Record<string, unknown>> | undefined;
    // journalctl writes a message that is no text as a list of bytes.
    const message = entry?.['MESSAGE'];
    if (entry === undefined || typeof message !== 'string') continue;
    const source = [entry['_SYSTEMD_UNIT'], entry['SYSLOG_IDENTIFIER']].find((name) => typeof name === 'string') ?? '';
    const key = `${source}\0${message}`;
    counted.set(key, { source, message, times: (counted.get(key)?.times ?? 0) + 1 });
  }
  return [...counted.values()];
}
