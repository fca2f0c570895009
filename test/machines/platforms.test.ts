import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { testKey } from '../support/key.js';
import { scratch } from '../support/scratch.js';
import { expectGood, machineFrom, verifyBoot } from '../support/vm.js';

const directory = scratch();

const KVM = { suffix: '.qcow2', bus: 'virtio-scsi', nic: 'virtio-net-pci' };
const HYPER_V = { suffix: '.vhdx', bus: 'ahci', nic: 'e1000e' };
const VMWARE = { suffix: '.ova', bus: 'ahci', nic: 'vmxnet3' };

/** The platforms' own disk formats, each on what is nearest to its hardware; the quick suite boots two more of them. */
it.each([
  { example: 'deb11-amd64-kvm', ...KVM, secureBoot: false },
  { example: 'deb13-amd64-kvm', ...KVM, secureBoot: true },
  { example: 'deb12-amd64-hyper-v', ...HYPER_V, secureBoot: true },
  { example: 'deb12-amd64-esxi', ...VMWARE, secureBoot: false },
  { example: 'deb13-amd64-esxi', ...VMWARE, secureBoot: true },
])('$example starts from its $suffix, and is no twin of another one', async (row) => {
  const { example, suffix, bus, nic, secureBoot } = row;
  const own = path.join(directory, example);
  mkdirSync(own);
  const options = `login: { authorizedKeys: ['${testKey().line}'] }, boot.secureBoot: ${String(secureBoot)}`;
  const image = await machineFrom(example, `options: { ${options} }\n`, suffix, { directory: own, output: own });
  const { boots } = await verifyBoot([image, ...(secureBoot ? ['--secure-boot'] : [])]);
  const [report] = boots;
  if (report === undefined) throw new Error('no report');
  expectGood(report);
  expect(report).toMatchObject({ firmware: 'uefi', bus, nic, secureBoot });
  rmSync(own, { recursive: true });
});
