import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { testKey } from '../support/key.js';
import { scratch } from '../support/scratch.js';
import { bySsh, machineFrom, startMachine } from '../support/vm.js';

const PORT = 22326;
const PASSWORD = 'root at the console';
const LINES = `collections: [cloud-init]
options:
  rootPassword: ${PASSWORD}
  boot: { cmdline: mitigations=off cryptomgr.notests }
  disk: { firmware: both, rootFormat: btrfs, compression: zstd, snapper: true }
`;
const DATA = `#cloud-config
ssh_authorized_keys: ['${testKey().line}']
write_files: [{ path: /etc/trial, content: 'from outside' }]
`;

const directory = scratch();

/** A disk with cloud-init's data, as its datasource NoCloud takes it. */
function seed(): string {
  const files = { 'user-data': DATA, 'meta-data': 'instance-id: trial\nlocal-hostname: trial\n' };
  const disk = path.join(directory, 'seed.raw');
  execFileSync('truncate', ['-s', '8M', disk]);
  execFileSync('mkfs.vfat', ['-n', 'CIDATA', disk], { stdio: 'ignore' });
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(path.join(directory, name), text);
    execFileSync('mcopy', ['-i', disk, path.join(directory, name), '::']);
  }
  return disk;
}

it('a machine on btrfs follows the data of cloud-init, and starts from a BIOS and by UEFI', async () => {
  const image = await machineFrom('deb13-amd64-kvm', LINES, '.qcow2', { directory, output: directory });
  const kept = path.join(directory, 'kept');
  const args = [image, seed(), '--keep', kept, '--cpus', '1', '--ssh', String(PORT)];
  for (const firmware of ['bios', 'uefi']) {
    const machine = startMachine([
      ...args,
      '--firmware',
      firmware,
      ...(firmware === 'bios' ? ['--disk-size', '5G'] : []),
    ]);
    try {
      await machine.login('root', PASSWORD);
      const { run } = machine;
      expect(await run('systemctl is-system-running --wait; dmesg -n 1')).toMatch(/running$/);
      expect(await run('cat /etc/trial; hostname; cloud-init status')).toMatch(/^from outside\s*trial\s+status: done/);
      expect(await bySsh(PORT, testKey().file, 'id -un')).toMatchObject({ code: 0, stdout: 'cosmo\n' });
      expect(await run('[ -d /sys/firmware/efi ] && echo by uefi')).toBe(firmware === 'uefi' ? 'by uefi' : '');
      expect(await run('findmnt -rno FSTYPE,OPTIONS /; findmnt --verify')).toMatch(
        /^btrfs .*subvol=\/@rootfs\s+Success/,
      );
      expect(Number(await run('findmnt -bno SIZE /'))).toBeGreaterThan(4 * 2 ** 30);
      // What Debian's own tool writes has to start as well: the second time it is what starts.
      if (firmware === 'bios') expect(await run('update-grub; echo "ended with $?"')).toMatch(/ended with 0$/);
      machine.type('systemctl poweroff\n');
      expect((await machine.ended).code).toBe(0);
    } finally {
      machine.kill('SIGTERM');
    }
  }
});
