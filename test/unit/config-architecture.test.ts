import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProfile, loadProject } from '../../src/config/load.js';
import { ConfigError, formatProblem } from '../../src/errors.js';
import { CHECKOUT } from '../support/cli.js';
import { problemsOf } from '../support/config.js';
import { tree } from '../support/tree.js';

/** What is wrong with an example profile when it is for another architecture. */
function problemsFor(architecture: string, example: string, more = ''): string[] {
  const cwd = tree({ 'profiles/p.yaml': `extends: ${example}\narchitecture: ${architecture}\n${more}` });
  try {
    loadProfile(loadProject({ programDir: CHECKOUT, cwd }), path.join(cwd, 'profiles/p.yaml'));
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(formatProblem);
    throw error;
  }
  return [];
}

describe('a profile for an architecture', () => {
  it.each([
    ['arm64', 'deb12-amd64-lxc'],
    ['arm64', 'deb12-amd64-kvm'],
    ['arm64', 'deb13-amd64-hardware-uefi'],
    ['armhf', 'deb12-amd64-lxc'],
    ['riscv64', 'deb13-amd64-lxc'],
  ])('%s: %s can be', (architecture, example) => {
    expect(problemsFor(architecture, example)).toEqual([]);
  });

  it.each([
    ['arm64', 'deb12-amd64-hyper-v', '', ['collection "vm/hyper-v" is not for arm64 (it is for amd64)']],
    ['arm64', 'deb13-amd64-esxi', 'outputs: [vmdk]\n', ['collection "vm/esxi" is not for arm64 (it is for amd64)']],
    ['arm64', 'deb12-amd64-hardware-bios', '', ['machines of arm64 have no BIOS (set disk.firmware: uefi)']],
    [
      'arm64',
      'deb12-amd64-kvm',
      'options: { disk.firmware: both }\n',
      ['machines of arm64 have no BIOS (set disk.firmware: uefi)'],
    ],
    ['armhf', 'deb12-amd64-kvm', '', ['collection "bootable/base" is not for armhf (it is for amd64 and arm64)']],
    ['riscv64', 'deb12-amd64-lxc', '', ['Debian bookworm has no riscv64 (it has amd64, arm64, armhf and i386)']],
  ])('%s: %s cannot be, and is told where', (architecture, example, more, expected) => {
    const place = 'profiles/p.yaml:2:15: architecture: ';
    expect(problemsFor(architecture, example, more)).toEqual(expected.map((text) => place + text));
  });

  it('has no OVA of a machine that VMware has not', () => {
    const problems = problemsFor('arm64', 'deb12-amd64-kvm', 'outputs: [qcow2, ova]\n');
    expect(problems).toEqual([
      'profiles/p.yaml:3:18: outputs[1]: an OVA describes a machine of VMware, and not for arm64 (take vmdk)',
    ]);
  });

  it('says of collections that name an unknown one', () => {
    const file = 'program/collections/lxc/base/collection.yaml';
    const problems = problemsOf({ [file]: 'description: C.\nrequires: [base]\narchitectures: [arm46]\n' });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(
      'architectures[0]: "arm46" is not one of amd64, arm64, armhf, riscv64, i386 (did you mean "arm64"?)',
    );
  });
});
