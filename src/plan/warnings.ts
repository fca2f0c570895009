import { FORMAT_NAMES } from '../config/formats.js';
import type { OptionValue } from '../config/types.js';
import { holderOf } from '../disk/walk.js';
import { HYPERVISOR_OF } from '../output/drivers.js';
import type { BuildPlan } from './types.js';

/** What may be meant as it is, and more likely is not: told before a build, which goes on. */
export function planWarnings(
  plan: Pick<BuildPlan, 'options' | 'outputs' | 'disks' | 'packages' | 'machine'>,
): string[] {
  if (plan.disks.length === 0) return [];
  return [...missingDrivers(plan), ...missingKernel(plan), ...enclosedRoot(plan), ...idleSecureBoot(plan)];
}

/** A BIOS knows nothing of Secure Boot; a site may want it of all machines that can. */
function idleSecureBoot({ machine }: Pick<BuildPlan, 'machine'>): string[] {
  const idle = machine?.firmware === 'bios' && machine.secureBoot;
  return idle
    ? ['boot.secureBoot does nothing in a machine that a BIOS starts: set disk.firmware to uefi or both']
    : [];
}

/** Formats of hypervisors whose disks the image would not see: it would wait for its root in vain. */
function missingDrivers({ options, outputs }: Pick<BuildPlan, 'options' | 'outputs'>): string[] {
  // Otherwise it has the drivers of most machines, or is made by somebody else.
  if (options['initramfs.contents'] !== 'list') return [];
  const listed = ['initramfs.required', 'initramfs.modules'].flatMap((name) => textsOf(options[name]));
  return FORMAT_NAMES.filter((name) => outputs.includes(name)).flatMap((format) => {
    const hypervisor = HYPERVISOR_OF[format];
    const missing = hypervisor?.drivers.filter((driver) => !listed.includes(driver)) ?? [];
    if (hypervisor === undefined || missing.length === 0) return [];
    const { name, collection } = hypervisor;
    return `${format} is for ${name}, and the initramfs lacks its ${missing.join(' and ')}: add the collection ${collection}`;
  });
}

/** Packages may pull one in, or a hook may bring it, so that this is no more than likely. */
function missingKernel({ options, packages }: Pick<BuildPlan, 'options' | 'packages'>): string[] {
  if (options['kernel.flavour'] !== 'none') return [];
  const named = [...packages.shared, ...packages.extra].some((name) => /^linux-image|kernel/.test(name));
  return named ? [] : ['kernel.flavour is none, and no package is called like a kernel: name one under packages'];
}

/** A root that is to take the rest of the disk, and has another partition in its way. */
function enclosedRoot({ options, disks }: Pick<BuildPlan, 'options' | 'disks'>): string[] {
  if (options['firstboot.grow'] !== true) return [];
  const { disk, partition } = holderOf(disks, '/');
  const behind = disk.partitions.reduce((last, other) => (other.start > last.start ? other : last), partition);
  if (behind === partition) return [];
  return [
    `the root file system does not grow at the first boot, for partition "${behind.name}" lies behind "${partition.name}": put the root last, or set firstboot.grow: false`,
  ];
}

function textsOf(value: OptionValue | undefined): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
