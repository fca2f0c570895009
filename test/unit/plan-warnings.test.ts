import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProfile, loadProject } from '../../src/config/load.js';
import { HYPERVISOR_OF } from '../../src/output/drivers.js';
import { makePlan } from '../../src/plan/plan.js';
import { planWarnings } from '../../src/plan/warnings.js';
import { judge } from '../../src/verify/judge.js';
import { OVA, QCOW2, VHD, VHDX } from '../fixtures/verify/facts.js';
import { CHECKOUT } from '../support/cli.js';
import { tree } from '../support/tree.js';

const project = loadProject({ programDir: CHECKOUT });

function warnings(profile: string, formats: readonly string[] = [], sets: readonly string[] = []): string[] {
  return planWarnings(makePlan(loadProfile(project, profile, sets, formats)));
}

describe('a format for another hypervisor', () => {
  it.each([
    ['kvm', 'vhdx', 'Hyper-V, and the initramfs lacks its hv_vmbus and hv_storvsc: add the collection vm/hyper-v'],
    ['kvm', 'vhd', 'Hyper-V'],
    ['kvm', 'ova', 'VMware, and the initramfs lacks its vmw_pvscsi: add the collection vm/esxi'],
    ['hyper-v', 'vmdk', 'VMware'],
  ])('is told of %s as %s', (target, format, says) => {
    expect(warnings(`deb12-amd64-${target}`, [format])).toEqual([expect.stringContaining(`${format} is for ${says}`)]);
  });

  it.each([
    ['deb12-amd64-kvm', ['qcow2', 'incus', 'incus-split', 'raw', 'raw.zst', 'tar.zst']],
    ['deb12-amd64-hyper-v', ['vhdx', 'vhd', 'raw']],
    ['deb12-amd64-esxi', ['ova', 'vmdk']],
    // With the drivers of most machines.
    ['deb12-amd64-hardware-uefi', ['qcow2', 'vhdx', 'ova']],
    ['deb12-amd64-lxc', ['incus']],
  ])('is not told of %s as %j', (profile, formats) => {
    expect(warnings(profile, formats)).toEqual([]);
  });

  it('is none with the collections that docs/formats.md names', () => {
    const [, yaml = ''] = /```yaml\n(.*?)```/s.exec(readFileSync(path.join(CHECKOUT, 'docs/formats.md'), 'utf8')) ?? [];
    expect(yaml).toContain('vm/esxi');
    expect(warnings(path.join(tree({ 'everywhere.yaml': yaml }), 'everywhere.yaml'))).toEqual([]);
  });

  it.each([
    ['qcow2', 'proxmox-vm', QCOW2],
    ['incus', 'incus', QCOW2],
    ['vhdx', 'hyper-v', VHDX],
    ['vhd', 'azure', VHD],
    ['ova', 'vmware', OVA],
  ] as const)('%s is what the rules want the drivers of', (format, platform, facts) => {
    const said = (modules: readonly string[]): string[] => {
      const boot =
        facts.boot === undefined ? undefined : { ...facts.boot, builtin: [], initramfs: [{ file: 'i', modules }] };
      return judge({ ...facts, boot }, [platform])
        .findings.map(({ id }) => id)
        .filter((id) => id.endsWith('INITRAMFS'));
    };
    expect(said([...(HYPERVISOR_OF[format]?.drivers ?? [])])).toEqual([]);
    expect(said([])).toHaveLength(1);
  });
});

describe('a machine without a kernel', () => {
  it('is told, unless a package is called like one', () => {
    expect(warnings('deb12-amd64-kvm', [], ['kernel.flavour=none'])).toEqual([
      expect.stringContaining('no package is called like a kernel'),
    ]);
    const profile = `extends: ${CHECKOUT}/profiles/examples/deb12/deb12-amd64-kvm.yaml\noptions: { kernel.flavour: none }\n`;
    const own = (name: string): string =>
      path.join(tree({ 'own.yaml': `${profile}packages: [${name}]\n` }), 'own.yaml');
    expect(warnings(own('linux-image-rt-amd64'))).toEqual([]);
    expect(warnings(own('vim'))).toHaveLength(1);
  });
});

describe('a partition behind the root', () => {
  const profile = (order: readonly string[], options = ''): string => {
    const partitions: Readonly<Record<string, string>> = {
      root: '{ name: root, size: 3G, content: { type: filesystem, format: ext4, mountpoint: / } }',
      data: '{ name: data, size: 1G, content: { type: filesystem, format: ext4, mountpoint: /srv } }',
    };
    const lines = ['esp', ...order].map((name) => `    - ${partitions[name] ?? '{ name: esp, type: esp }'}\n`);
    const yaml = `extends: examples/deb12/deb12-amd64-kvm.yaml\ndisk:\n  partitions:\n${lines.join('')}${options}`;
    return path.join(tree({ 'own.yaml': yaml }), 'own.yaml');
  };

  it('is told, because the root cannot grow', () => {
    expect(warnings(profile(['root', 'data']))).toEqual([
      expect.stringContaining('does not grow at the first boot, for partition "data" lies behind "root"'),
    ]);
  });

  it('is nothing when the root is last, or is not to grow', () => {
    expect(warnings(profile(['data', 'root']))).toEqual([]);
    expect(warnings(profile(['root', 'data'], 'options: { firstboot.grow: false }\n'))).toEqual([]);
  });
});

describe('Secure Boot', () => {
  const set = ['boot.secureBoot=true'];
  it.each([
    ['bios', [expect.stringMatching(/^boot\.secureBoot does nothing .* BIOS/)]],
    ['uefi', []],
    ['both', []],
  ])('with the firmware %s', (firmware, says) => {
    expect(warnings('deb12-amd64-kvm', [], [...set, `disk.firmware=${firmware}`])).toEqual(says);
  });
});
