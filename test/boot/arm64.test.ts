import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { scratch } from '../support/scratch.js';
import { startMachine } from '../support/vm.js';

const directory = scratch();
const MIB = 2 ** 20;

/** A disk whose EFI system partition has a loader of this name, which is none. */
function diskWith(loader: string): string {
  const disk = path.join(directory, `${loader}.raw`);
  const [esp, file] = [path.join(directory, 'esp'), path.join(directory, 'loader')];
  writeFileSync(disk, '');
  truncateSync(disk, 40 * MIB);
  execFileSync('sfdisk', ['--quiet', disk], { input: 'label: gpt\nstart=2048, size=65536, type=uefi\n' });
  writeFileSync(esp, '');
  truncateSync(esp, 32 * MIB);
  writeFileSync(file, 'no program');
  execFileSync('mkfs.vfat', [esp]);
  execFileSync('mmd', ['-i', esp, '::/EFI', '::/EFI/BOOT']);
  execFileSync('mcopy', ['-i', esp, file, `::/EFI/BOOT/${loader}`]);
  execFileSync('dd', [`if=${esp}`, `of=${disk}`, 'bs=1M', 'seek=1', 'conv=notrunc,sparse', 'status=none']);
  return disk;
}

it('starts a disk for arm64 in an emulated machine for arm64, whose firmware finds the loader', async () => {
  const machine = startMachine([diskWith('BOOTAA64.EFI'), '--accelerator', 'tcg']);
  try {
    await machine.shows(/BdsDxe: failed to load Boot0\d+ "UEFI QEMU QEMU HARDDISK "/);
    await machine.shows(/Shell> /);
    // A space first: the key that wakes the shell is none of the command.
    machine.type(' ls FS0:\\EFI\\BOOT\r');
    await machine.shows(/BOOTAA64\.EFI/);
    machine.type('reset -s\r');
    expect((await machine.ended).code).toBe(0);
  } finally {
    machine.kill('SIGTERM');
    await machine.ended;
  }
});
