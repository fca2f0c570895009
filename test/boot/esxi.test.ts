import { beforeAll, describe, expect, it } from 'vitest';
import { testKey } from '../support/key.js';
import { scratch } from '../support/scratch.js';
import { expectGood, machineFrom, verifyBoot } from '../support/vm.js';

const directory = scratch();

describe('a machine for VMware', () => {
  let image: string;
  beforeAll(async () => {
    const options = `options: { login: { authorizedKeys: ['${testKey().line}'] } }\n`;
    image = await machineFrom('deb12-amd64-esxi', options, '.ova', { directory, output: directory });
  });

  it('starts from the disk in its OVA, grows, and is no twin of another one', async () => {
    const { boots } = await verifyBoot([image]);
    const [report] = boots;
    if (report === undefined) throw new Error('no report');
    expectGood(report);
    expect(report).toMatchObject({ firmware: 'uefi', bus: 'ahci', nic: 'vmxnet3' });
  });
});
