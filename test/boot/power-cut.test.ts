import { statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { scratch } from '../support/scratch.js';
import { machineFrom, startMachine, type Machine } from '../support/vm.js';

const PASSWORD = 'root at the console';
const LINES = `options:
  rootPassword: ${PASSWORD}
  boot: { cmdline: mitigations=off cryptomgr.notests systemd.show_status=1 }
`;

const directory = scratch();
const kept = path.join(directory, 'kept');

/** Resolves when the machine has written to its disk so often, as seen from outside. */
async function written(times: number): Promise<void> {
  const time = () => statSync(path.join(kept, 'disk0.qcow2'), { bigint: true }).mtimeNs;
  for (let n = 0; n < times;) {
    const before = time();
    await delay(1);
    if (time() !== before) n += 1;
  }
}

/** Rejects when the machine ends. */
async function ended(machine: Machine): Promise<never> {
  throw new Error((await machine.ended).stderr);
}

it('a machine goes on with its first boot after each loss of power, and is like any other at last', async () => {
  const image = await machineFrom('deb12-amd64-kvm', LINES, '.qcow2', { directory, output: directory });
  const start = () => startMachine([path.resolve(image), '--keep', kept, '--disk-size', '6G', '--cpus', '1']);
  // The table and one file system after the other are written in the initramfs; then the root grows, and GRUB is told.
  const moments: ((machine: Machine) => Promise<unknown>)[] = [
    () => written(1),
    () => written(3),
    (machine) => machine.shows(/first boot of this machine/),
  ];
  for (const moment of moments) {
    const machine = start();
    await machine.shows(/GRUB/);
    await Promise.race([moment(machine), ended(machine)]);
    // QEMU is killed: what the machine has not written is lost.
    machine.kill('SIGTERM');
    expect((await machine.ended).code).toBe(143);
  }

  const machine = start();
  try {
    await machine.login('root', PASSWORD);
    const { run } = machine;
    expect(await run('systemctl is-system-running --wait; dmesg -n 1')).toMatch(/running$/);
    expect(await run('findmnt --verify')).toContain('Success');
    expect(Number(await run('findmnt -bno SIZE /'))).toBeGreaterThan(5 * 2 ** 30);
    // No identity is the image's, and GRUB starts what is there.
    const image = /\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/;
    const own = image.exec(await run('findmnt -no UUID /'))?.[0] ?? '';
    expect(own).not.toBe('');
    expect(await run(`grep -o '[" ]UUID=[0-9a-f-]*' /boot/grub/grub.cfg | tr -d '" ' | sort -u`)).toBe(`UUID=${own}`);
    expect(await run('awk "\\$2 == \\"/\\" { print \\$1 }" /etc/fstab')).toBe(`UUID=${own}`);
    expect(
      await run('ls /boot/imgbuild-firstboot.img /boot/grub/firstboot.cfg /usr/lib/imgbuild; sfdisk --verify /dev/sda'),
    ).toMatch(/(No such file[^]*){3}No errors detected/);
    machine.type('systemctl poweroff\n');
    expect((await machine.ended).code).toBe(0);
  } finally {
    machine.kill('SIGTERM');
  }
});
