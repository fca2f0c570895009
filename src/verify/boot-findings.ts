import { formatBytes } from '../units.js';
import type { BootName, BootReport, BootRun } from './boot-types.js';
import type { Identity, MachineFacts } from './probe-facts.js';
import type { Finding } from './types.js';

const WHICH: Readonly<Record<BootName, string>> = {
  first: 'first boot',
  second: 'second boot',
  other: 'first boot of another machine',
};

/** A disk may keep so much to itself: the tables at its ends and what alignment costs. */
const SLACK = 16 * 2 ** 20;

/** How many messages of the journal are told one by one. */
const MESSAGES = 10;

/** What there is to object to in what the boots have shown. */
export function bootFindings(report: Omit<BootReport, 'findings'>): Finding[] {
  const [first, second, other] = (['first', 'second', 'other'] as const).map((name) =>
    report.boots.find((boot) => boot.name === name),
  );
  return [
    ...report.boots.flatMap((boot) => [...started(boot), ...state(boot), ...stopped(boot)]),
    // Of a boot that was cut short nothing more can be expected.
    ...(first?.facts === undefined || first.trouble !== undefined
      ? []
      : [...grown(report, first.facts), ...network(first.facts)]),
    ...(first === undefined ? [] : [...journal(first), ...login(first)]),
    ...secureBoot(report),
    ...(first?.facts === undefined || other?.facts === undefined ? [] : common(first.facts, other.facts)),
    ...(first?.facts === undefined || second?.facts === undefined ? [] : [...changed(first.facts, second.facts)]),
    ...(second?.facts === undefined ? [] : unfinished(second.facts)),
  ];
}

function started(boot: BootRun): Finding[] {
  const where = WHICH[boot.name];
  const findings: Finding[] = [];
  if (boot.trouble !== undefined) {
    const { what, hint } = boot.trouble;
    return [{ id: 'BOOT-001', severity: 'error', message: what, hint: `${hint}; ${console_(boot)}`, where }];
  }
  if (boot.seconds.booted === undefined) {
    const jobs = boot.facts?.waiting ?? [];
    const waiting = jobs.length === 0 ? '' : `; these jobs wait: ${jobs.join(', ')}`;
    const message = `the boot had not come to an end when time was up${waiting}`;
    findings.push({ id: 'BOOT-002', severity: 'error', message, hint: console_(boot), where });
  }
  if (boot.unasked !== undefined) {
    const hint = 'systemd.debug_shell must not be masked: without it only the serial console is watched';
    findings.push({
      id: 'BOOT-010',
      severity: 'warning',
      message: `it could not be asked: ${boot.unasked}`,
      hint,
      where,
    });
  }
  if (boot.restarts > 0) {
    const message = `the machine restarted by itself ${String(boot.restarts)} times`;
    findings.push({ id: 'BOOT-011', severity: 'warning', message, hint: 'a first boot should need no restart', where });
  }
  if (boot.seconds.booted !== undefined && boot.seconds.powerOff === undefined && boot.powerOffBy === 'button') {
    const message = 'the machine does not switch off when its power button is pressed';
    const hint = 'systemd-logind needs dbus; platforms shut machines down by that button';
    findings.push({ id: 'BOOT-009', severity: 'warning', message, hint, where });
  }
  return findings;
}

function console_(boot: BootRun): string {
  return boot.console.length === 0
    ? 'the serial console said nothing'
    : `the console ended with: ${boot.console.join(' | ')}`;
}

function state({ name, facts }: BootRun): Finding[] {
  return (facts?.failedUnits ?? []).map(({ unit, log }) => ({
    id: 'BOOT-003',
    severity: 'error',
    message: `${unit} failed${log.length === 0 ? '' : `: ${log.slice(-3).join(' | ')}`}`,
    hint: `imgbuild boot IMAGE, and there: systemctl status ${unit}`,
    where: WHICH[name],
  }));
}

/**
 * What a boot that came to no end was waiting for. In one that did, a unit that may be missing (`nofail`) is no fault; and
 * targets only pass on what the units before them tell.
 */
function stopped({ name, facts, trouble }: BootRun): Finding[] {
  if (trouble === undefined) return [];
  const units = (facts?.undone ?? []).filter(({ unit }) => !unit.endsWith('.target'));
  return units.map(({ unit, message }) => ({
    id: 'BOOT-003',
    severity: 'error',
    message: `${unit} was not started: ${message}`,
    hint: 'what it needs did not come; a line of /etc/fstab or /etc/crypttab may name what is not there',
    where: WHICH[name],
  }));
}

function grown(report: Omit<BootReport, 'findings'>, { root, disk }: MachineFacts): Finding[] {
  const offered = report.disk.machine - report.disk.image;
  if (offered <= SLACK || disk === undefined || disk.unpartitioned <= SLACK) return [];
  const message = `${formatBytes(disk.unpartitioned)} of the disk belong to no partition; ${root.source} has ${formatBytes(root.bytes)}`;
  const hint = 'set firstboot.grow, or use cloud-init’s growpart';
  return [{ id: 'BOOT-004', severity: 'warning', message, hint, where: WHICH.first }];
}

function network({ interfaces, defaultRoute }: MachineFacts): Finding[] {
  if (interfaces.some(({ addresses }) => addresses.length > 0)) return [];
  const names = interfaces.map(({ name }) => name).join(', ');
  const message =
    names === '' ? 'the machine has no network interface' : `no address on ${names}${defaultRoute ? '' : ', no route'}`;
  const hint =
    names === '' ? 'the driver of the network card is missing' : 'fine where the network is configured by hand';
  return [{ id: 'BOOT-007', severity: 'warning', message, hint, where: WHICH.first }];
}

function journal({ facts, name }: BootRun): Finding[] {
  return (facts?.journal ?? []).slice(0, MESSAGES).map(({ source, message, times }) => ({
    id: 'BOOT-008',
    severity: 'info',
    message: `${source}: ${message}${times > 1 ? ` (${String(times)} times)` : ''}`,
    hint: 'the journal calls it an error',
    where: WHICH[name],
  }));
}

function login({ name, seconds, trouble }: BootRun): Finding[] {
  if (seconds.login !== undefined || seconds.booted === undefined || trouble !== undefined) return [];
  const message = 'no login prompt came on the serial console';
  const hint = 'fine for machines with a screen; boot.serial puts one there';
  return [{ id: 'BOOT-014', severity: 'info', message, hint, where: WHICH[name] }];
}

function secureBoot(report: Omit<BootReport, 'findings'>): Finding[] {
  if (!report.secureBoot) return [];
  return report.boots
    .filter(({ facts }) => facts?.secureBoot === false)
    .map(({ name }) => ({
      id: 'BOOT-012',
      severity: 'error',
      message: 'the kernel does not see Secure Boot',
      hint: 'is the boot loader Debian’s signed shim? set boot.secureBoot',
      where: WHICH[name],
    }));
}

/** Some identities make trouble between machines on one network, others only between disks in one machine. */
const GRAVE: readonly Identity['kind'][] = ['machine-id', 'host key'];

function common(one: MachineFacts, two: MachineFacts): Finding[] {
  const others = new Set(two.identities.map(key));
  return one.identities
    .filter((identity) => others.has(key(identity)))
    .map((identity) => ({
      id: 'BOOT-005',
      severity: GRAVE.includes(identity.kind) ? 'error' : 'warning',
      message: `two machines from this image have the same ${name(identity)}: ${identity.value}`,
      hint: GRAVE.includes(identity.kind) ? 'it must not be in an image' : 'set firstboot.renew',
    }));
}

function changed(before: MachineFacts, after: MachineFacts): Finding[] {
  const known = new Set(after.identities.map(key));
  return before.identities
    .filter((identity) => !known.has(key(identity)))
    .map((identity) => ({
      id: 'BOOT-006',
      severity: 'error',
      message: `the ${name(identity)} of the first boot is another one at the second: ${identity.value}`,
      hint: 'what is renewed at the first boot must be renewed once',
      where: WHICH.second,
    }));
}

function key({ kind, value }: Identity): string {
  return `${kind} ${value.toLowerCase()}`;
}

function name({ kind, of }: Identity): string {
  const what = kind === 'machine-id' || kind === 'host key' ? kind : `UUID of the ${kind}`;
  return of === '' ? what : `${what} ${of}`;
}

function unfinished({ firstBootFlag, firstBootUnits }: MachineFacts): Finding[] {
  const active = firstBootUnits.filter((line) => /\s(active|activating|failed)\s/.test(line));
  if (!firstBootFlag && active.length === 0) return [];
  const why = firstBootFlag
    ? 'the kernel is still told that it is the first boot'
    : `there still is: ${active.join(', ')}`;
  const hint = 'the work of the first boot failed, or is not marked as done';
  return [{ id: 'BOOT-013', severity: 'warning', message: why, hint, where: WHICH.second }];
}
