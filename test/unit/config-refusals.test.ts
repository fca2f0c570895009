import { describe, expect, it } from 'vitest';
import { loadProfile, loadProject } from '../../src/config/load.js';
import { ConfigError, formatProblem } from '../../src/errors.js';
import { CHECKOUT } from '../support/cli.js';
import { problemsOf } from '../support/config.js';
import type { Leaf } from '../support/tree.js';

/** A collection of a user with these refusals, and a profile with it. */
function refusing(refuse: string, profile = ''): Record<string, Leaf> {
  return {
    'user/collections/local/web/collection.yaml': `description: Web.
requires: [base]
options:
  web.tls: { type: boolean, default: true, help: TLS. }
  web.port: { type: integer, default: 443, help: Port. }
refuse:
${refuse}`,
    'user/profiles/p.yaml': `suite: bookworm
architecture: amd64
collections: [web]
${profile}`,
  };
}

const PORT = `  - { when: [web.tls, web.port=80], because: port 80 has no TLS, hint: take 443 }\n`;

describe('what a collection refuses', () => {
  it('is nothing as long as not all terms hold', () => {
    expect(problemsOf(refusing(PORT))).toEqual([]);
    expect(problemsOf(refusing(PORT, 'options: { web.port: 80, web.tls: false }\n'))).toEqual([]);
  });

  it('is told at the value, with what to do', () => {
    expect(problemsOf(refusing(PORT, 'options:\n  web: { port: 80 }\n'))).toEqual([
      expect.stringMatching(/profiles\/p\.yaml:5:16: options\.web\.port: port 80 has no TLS .*take 443/),
    ]);
  });

  it('is told at an argument', () => {
    expect(problemsOf(refusing(PORT), ['web.port=80'])).toEqual([expect.stringMatching(/--set web\.port.*no TLS/)]);
  });

  it('is told at the collections when nobody has given a value', () => {
    const refuse = `  - { when: [web.tls, '!disk'], because: TLS needs a disk }\n`;
    expect(problemsOf(refusing(refuse))).toEqual([
      expect.stringMatching(/profiles\/p\.yaml:3:14: collections: TLS needs a disk$/),
    ]);
  });

  it('is checked as conditions of packages are', () => {
    expect(problemsOf(refusing(`  - { when: web.tlz, because: x }\n`))).toEqual([
      expect.stringMatching(/collection\.yaml:7:13: .*unknown option "web\.tlz".*"web\.tls"/),
    ]);
    expect(problemsOf(refusing(`  - { when: 'web.tls > 1', because: x }\n`))).toEqual([
      expect.stringMatching(/collection\.yaml:7:.*is not a condition/),
    ]);
    expect(problemsOf(refusing(`  - { when: web.tls }\n`))).toEqual([expect.stringMatching(/because/)]);
  });

  it('is nothing for a bundle to say', () => {
    const bundle = 'description: b\nbundle: true\nrequires: [base]\nrefuse: [{ when: x, because: y }]\n';
    const files = { ...refusing(PORT), 'user/collections/local/web/collection.yaml': bundle };
    expect(problemsOf(files)).toContainEqual(expect.stringMatching(/a bundle has no refuse of its own/));
  });
});

describe('what cannot be built', () => {
  const project = loadProject({ programDir: CHECKOUT });

  function problems(profile: string, sets: readonly string[]): string[] {
    try {
      loadProfile(project, profile, sets);
      return [];
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(formatProblem);
      throw error;
    }
  }

  it.each([
    ['deb12-amd64-hyper-v', ['disk.firmware=bios'], 'start by UEFI only'],
    ['deb12-amd64-kvm', ['network.rename=lan0'], 'which interface gets the name'],
    ['deb12-amd64-kvm', ['network.interface=eth0', 'network.mac=52:54:00:12:34:56'], 'both say which interface'],
    ['deb12-amd64-esxi', ['kernel.flavour=cloud'], 'no drivers for the disks'],
    ['deb12-amd64-kvm', ['vm.properties=cloud-init'], 'questions whose answers nothing in the image reads'],
    ['deb12-amd64-kvm', ['resolvconf.nameservers='], 'no name server'],
  ])('is told of %s with %j before anything is built', (profile, sets, message) => {
    const told = problems(profile, sets);
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^--set /);
    expect(told[0]).toContain(message);
  });

  it.each([
    ['deb12-amd64-hyper-v', ['disk.firmware=both']],
    ['deb12-amd64-hyper-v', ['kernel.flavour=cloud']],
    ['deb12-amd64-kvm', ['network.rename=lan0', 'network.interface=eth0']],
    ['deb12-amd64-kvm', ['network.enable=false', 'network.rename=lan0']],
    ['deb12-amd64-kvm', ['kernel.flavour=cloud']],
  ])('is nothing of %s with %j', (profile, sets) => {
    expect(problems(profile, sets)).toEqual([]);
  });
});
