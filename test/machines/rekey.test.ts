import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { PASSPHRASE, PASSWORD } from '../support/hardware.js';
import { scratch } from '../support/scratch.js';
import { machineFrom, startMachine, type Machine } from '../support/vm.js';

const directory = scratch();

const LINES = `outputs: [raw]
options:
  rootPassword: ${PASSWORD}
  luks.rekey: tpm2
  boot: { serial: 'ttyS0,115200', cmdline: mitigations=off cryptomgr.notests }
  disk: { luks: { enable: true, passphrase: ${PASSPHRASE}, memory: 32M }, rootSize: 2G, bootSize: 256M, logSize: 64M, swapSize: 64M }
`;

it.each(['deb11', 'deb12', 'deb13'])('%s seals its storage to the TPM, and keeps a recovery key', async (suite) => {
  const own = path.join(directory, suite);
  const keep = path.join(own, 'kept');
  mkdirSync(keep, { recursive: true });
  const image = path.resolve(
    await machineFrom(`${suite}-amd64-hardware-uefi`, LINES, '.raw', { directory: own, output: own }),
  );
  const start = async (args: readonly string[], use: (machine: Machine) => Promise<void>): Promise<void> => {
    const machine = startMachine([image, '--keep', keep, '--cpus', '1', ...args]);
    try {
      await use(machine);
      machine.type('systemctl poweroff\n');
      expect((await machine.ended).code).toBe(0);
    } finally {
      machine.kill('SIGTERM');
    }
  };

  let key = '';
  await start(['--tpm'], async (machine) => {
    await machine.shows(/unlock disk root_crypt/);
    machine.type(`${PASSPHRASE}\n`);
    await machine.shows(/was built with\.\s+Passphrase: /);
    machine.type(`${PASSPHRASE}\n`);
    [, key = ''] = await machine.shows(/Recovery key[^\n]*\s+([a-z2-9-]+)\s[^]*The same again: /);
    machine.type(`${key}\n`);
    await machine.shows(/The TPM of this machine opens its storage from now on[^]*opens this storage no longer/);
    await machine.login('root', PASSWORD);
    const device = '/dev/disk/by-partlabel/root';
    await machine.run(`printf '${PASSPHRASE}' > /run/old; printf '${key}' > /run/key`);
    const opens = `cryptsetup open --test-passphrase ${device} --key-file`;
    expect(await machine.run(`${opens} /run/key; echo $?; ${opens} /run/old >/dev/null 2>&1; echo $?`)).toMatch(
      /^0\n2$/,
    );
    expect(await machine.run(`clevis luks list -d ${device}`)).toMatch(/tpm2 .*"pcr_ids":"7"/);
  });
  // Nobody types.
  await start(['--tpm'], async (machine) => {
    await machine.login('root', PASSWORD);
    expect(await machine.run('systemctl is-system-running --wait; dmesg -n 1')).toMatch(/running$/);
  });
  // Another machine, as it were.
  await start([], async (machine) => {
    await machine.shows(/unlock disk root_crypt/);
    machine.type(`${key}\n`);
    await machine.login('root', PASSWORD);
  });
  rmSync(own, { recursive: true });
});
