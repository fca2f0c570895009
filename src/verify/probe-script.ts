import { gzipSync } from 'node:zlib';

/**
 * What is asked of a booted machine: a section's name, and the shell commands whose output it holds. Only what Debian's
 * essential packages have may be taken for granted; what is missing leaves its section empty.
 */
const QUESTIONS = {
  state: 'systemctl is-system-running',
  failed: 'systemctl list-units --failed --plain --no-legend --no-pager | cut -d " " -f 1',
  why: `for unit in $(systemctl list-units --failed --plain --no-legend --no-pager | cut -d " " -f 1); do
  journalctl -b -u "$unit" -n 6 -o cat --no-pager | sed "s|^|$unit |"
done`,
  // What no unit is in a failed state for: a device that did not come, and what needed it.
  undone:
    'journalctl -b _PID=1 JOB_RESULT=timeout JOB_RESULT=dependency -o json --output-fields=UNIT,MESSAGE --no-pager | tail -n 20',
  waiting: 'systemctl list-jobs --no-legend --no-pager | head -n 20',
  time: 'systemd-analyze time',
  blame: 'systemd-analyze blame --no-pager | head -n 20',
  release: "grep ^PRETTY_NAME= /etc/os-release | cut -d '\"' -f 2",
  kernel: 'uname -r',
  cmdline: 'cat /proc/cmdline',
  secureboot: `od -An -tu1 /sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c ||
dmesg | grep -o 'Secure boot [a-z]*'`,
  firmware: '[ -d /sys/firmware/efi ] && echo uefi || echo bios',
  address: 'ip -json address',
  route: 'ip -json route',
  root: 'findmnt -J -b -o SOURCE,FSTYPE,OPTIONS,SIZE,AVAIL /',
  mounts: 'findmnt -J -b --real -o TARGET,SOURCE,FSTYPE,SIZE,AVAIL',
  swap: 'cat /proc/swaps',
  blocks: 'lsblk -J -b -o NAME,TYPE,SIZE,FSTYPE,UUID,PARTUUID,PTUUID,MOUNTPOINT',
  machine: 'cat /etc/machine-id',
  hostname: 'hostname',
  hostkeys: 'for key in /etc/ssh/ssh_host_*_key.pub; do [ -e "$key" ] && ssh-keygen -l -f "$key"; done',
  sshd: 'systemctl is-active ssh.service ssh.socket',
  firstboot: 'systemctl list-units --all --plain --no-legend --no-pager "*firstboot*" "*first-boot*"',
  journal:
    'journalctl -b -p 3 -o json --output-fields=MESSAGE,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER,PRIORITY --no-pager | tail -n 100',
} as const;

export type Question = keyof typeof QUESTIONS;

/** What the machine answered, by question. */
export type Answers = Readonly<Partial<Record<Question, string>>>;

const BEGIN = '@@imgbuild begin';
const END = '@@imgbuild end';

/** Said when all is told. */
export const FINISHED = '@@imgbuild finished';

/**
 * The script that asks everything. Its text has only lines that a terminal takes whole, and the marks are put together
 * in the machine, so that an echo of the script is not taken for its output.
 */
export function probeScript(): string {
  const sections = Object.entries(QUESTIONS).map(
    ([name, commands]) => `mark begin ${name}\n{\n${commands}\n} 2>/dev/null </dev/null\necho\nmark end ${name}`,
  );
  return [
    'export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C TERM=dumb SYSTEMD_COLORS=0',
    `mark() { echo "@@"imgbuild "$@"; }`,
    ...sections,
    'mark finished',
    '',
  ].join('\n');
}

/** Commands that take the script in over a terminal, line by line, and run it. */
export function typedScript(script: string): string[] {
  const lines =
    gzipSync(script)
      .toString('base64')
      .match(/.{1,76}/g) ?? [];
  const file = '/run/imgbuild-probe';
  return [`base64 -d << END | gzip -d > ${file}`, ...lines, 'END', `sh ${file}; rm ${file}`];
}

/** Sorts what came over the line into answers. */
export function parseAnswers(text: string): Answers {
  const answers: Partial<Record<Question, string>> = {};
  let open: { name: Question; lines: string[] } | undefined;
  for (const line of text.split(/\r*\n/)) {
    if (line.startsWith(`${BEGIN} `)) {
      const name = line.slice(BEGIN.length + 1).trim();
      open = name in QUESTIONS ? { name: name as Question, lines: [] } : undefined;
    } else if (line.startsWith(`${END} `) && open !== undefined) {
      answers[open.name] = open.lines.join('\n').trim();
      open = undefined;
    } else open?.lines.push(line);
  }
  return answers;
}
