import { formatBytes, formatSeconds } from '../units.js';
import type { BootReport, BootRun } from './boot-types.js';

/** How many of the slowest units are told. */
const UNITS = 5;

const TITLES = { first: 'first boot', second: 'second boot, NVRAM empty', other: 'another machine' } as const;

/** What the boots have shown, as lines for people; the findings are told by whoever tells all of them. */
export function bootLines(report: BootReport): string[] {
  const { firmware, secureBoot, accelerator, bus, nic } = report;
  const how = `${firmware === 'uefi' ? 'UEFI' : 'BIOS'}${secureBoot ? ' with Secure Boot' : ''}`;
  return [
    `  booted: ${how}, ${bus}, ${nic}, ${accelerator === 'kvm' ? 'KVM' : 'emulated, so times are long'}`,
    ...report.boots.flatMap((boot) => runLines(boot)),
  ];
}

function runLines(boot: BootRun): string[] {
  const { facts, seconds } = boot;
  const times = [
    ['login', seconds.login],
    ['finished', seconds.booted],
    ['off in', seconds.powerOff],
  ] as const;
  const told = times.flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${formatSeconds(value)}`]));
  const head = `  ${TITLES[boot.name]}: ${told.length === 0 ? 'did not come to its end' : told.join(', ')}`;
  if (facts === undefined || boot.name !== 'first') return [head];
  const addresses = facts.interfaces.flatMap(({ name, addresses: all }) => all.map((address) => `${name} ${address}`));
  const { root } = facts;
  return [
    head,
    `    ${[facts.release, facts.kernel, facts.state].filter((text) => text !== '').join(', ')}`,
    ...(facts.bootTime === '' ? [] : [`    ${facts.bootTime}`]),
    ...facts.slowest
      .slice(0, UNITS)
      .map(({ unit, seconds: took }) => `    ${formatSeconds(took).padStart(12)} ${unit}`),
    `    root ${root.source}, ${root.format}, ${formatBytes(root.bytes)}, ${formatBytes(root.free)} free`,
    `    network ${addresses.length === 0 ? 'without an address' : addresses.join(', ')}`,
  ];
}
