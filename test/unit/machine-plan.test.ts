import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadProject, resolveProfile } from '../../src/config/load.js';
import { makePlan } from '../../src/plan/plan.js';
import type { BuildPlan, PhaseItem, StageName } from '../../src/plan/types.js';

const programDir = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const project = loadProject({ programDir, cwd: '/nonexistent' });
const planOf = (profile: string, ...sets: readonly string[]): BuildPlan =>
  makePlan(resolveProfile(project, profile, sets).config);
const digestIn = (plan: BuildPlan, name: StageName): string | undefined =>
  plan.stages.find((stage) => stage.name === name)?.digest;

describe('machines of one suite', () => {
  it.each(['deb11', 'deb12', 'deb13'])('for all hypervisors share the base of %s', (suite) => {
    const plans = ['kvm', 'hyper-v', 'esxi'].map((target) => planOf(`${suite}-amd64-${target}`));
    expect(new Set(plans.map((plan) => digestIn(plan, 'base'))).size).toBe(1);
    expect(plans.map(({ packages }) => packages.extra)).toEqual([
      ['qemu-guest-agent'],
      ['hyperv-daemons'],
      ['open-vm-tools'],
    ]);
  });
});

describe('the root file system of a virtual machine', () => {
  it('has snapper where it has snapshots', () => {
    const snapshots = ['disk.rootFormat=btrfs', 'disk.snapper=true'];
    expect(planOf('deb12-amd64-kvm').packages.shared).not.toContain('snapper');
    expect(planOf('deb12-amd64-kvm', ...snapshots).packages.shared).toContain('snapper');
  });
});

describe('the firmware of a virtual machine', () => {
  const grub = ({ packages }: BuildPlan): string[] => packages.shared.filter((name) => /^(grub|shim|efi)/.test(name));
  const partitions = ({ disks }: BuildPlan): string[] | undefined => disks[0]?.partitions.map(({ name }) => name);

  it.each([
    ['uefi', ['efibootmgr', 'grub-efi-amd64'], ['esp', 'swap', 'root'], 'uefi'],
    ['bios', ['grub-pc'], ['bios', 'swap', 'root'], 'bios'],
    ['both', ['efibootmgr', 'grub-efi-amd64', 'grub-pc-bin'], ['bios', 'esp', 'swap', 'root'], 'uefi'],
  ])('%s brings its GRUB and its partitions', (firmware, packages, names, machine) => {
    for (const target of ['kvm', 'esxi']) {
      const plan = planOf(`deb12-amd64-${target}`, `disk.firmware=${firmware}`);
      expect(grub(plan)).toEqual(packages);
      expect(partitions(plan)).toEqual(names);
      expect(plan.machine?.firmware).toBe(machine);
    }
  });

  it('is known to hooks of every phase', () => {
    const { stages } = planOf('deb12-amd64-kvm', 'disk.firmware=bios');
    const hooks = stages
      .flatMap(({ steps }) => steps)
      .flatMap((step): readonly PhaseItem[] => (step.kind === 'phase' ? step.items : []))
      .flatMap((item) => (item.kind === 'hook' && 'DISK_FIRMWARE' in item.env ? [item.env] : []));
    expect(hooks.map(({ PHASE }) => PHASE)).toContain('essential');
    expect(hooks.filter((env) => env['DISK_FIRMWARE'] !== 'bios')).toEqual([]);
  });
});
