import { beforeAll, describe, expect, it } from 'vitest';
import { testKey } from '../support/key.js';
import { scratch } from '../support/scratch.js';
import { expectGood, machineFrom, verifyBoot } from '../support/vm.js';

const directory = scratch();

describe('a machine for Hyper-V', () => {
  let image: string;
  beforeAll(async () => {
    const options = `login: { authorizedKeys: ['${testKey().line}'] }, boot.secureBoot: true`;
    image = await machineFrom('deb13-amd64-hyper-v', `options: { ${options} }\n`, '.vhdx', {
      directory,
      output: directory,
    });
  });

  it('starts from its VHDX with Secure Boot on, grows, and is no twin of another one', async () => {
    const { boots } = await verifyBoot([image, '--secure-boot']);
    const [report] = boots;
    if (report === undefined) throw new Error('no report');
    expectGood(report);
    expect(report).toMatchObject({ firmware: 'uefi', secureBoot: true, bus: 'ahci', nic: 'e1000e' });
  });
});
