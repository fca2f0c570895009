import path from 'node:path';
import { expect, it } from 'vitest';
import { BOOT_OUTPUT } from '../support/key.js';
import { scratch } from '../support/scratch.js';
import { machineFrom, startMachine } from '../support/vm.js';

const directory = scratch();
const PASSPHRASE = 'vier Kerzen und ein Pferd';
const PASSWORD = 'root at the console';

/** Little memory for the passphrase, and no tests of ciphers: an emulated machine takes its time. */
const LINES = `outputs: [raw]
options:
  rootPassword: ${PASSWORD}
  boot: { secureBoot: true, serial: 'ttyS0,115200', cmdline: mitigations=off cryptomgr.notests }
  disk:
    { raid: true, luks: { enable: true, passphrase: ${PASSPHRASE}, memory: 32M },
      bootSize: 256M, rootSize: 2G, logSize: 64M, swapSize: 64M }
`;

it('a machine of arrays, encryption, volumes and btrfs asks for its passphrase, with Secure Boot on, and is as planned', async () => {
  const image = await machineFrom('deb12-amd64-hardware-uefi', LINES, '.raw', { directory, output: BOOT_OUTPUT });
  const machine = startMachine([path.resolve(image), '--secure-boot', '--cpus', '1', '--disk-size', '4G']);
  try {
    await machine.shows(/unlock disk root_crypt/);
    machine.type(`${PASSPHRASE}\n`);
    await machine.login('root', PASSWORD);
    const { run } = machine;
    // What the kernel says stands between the answers until it is told not to.
    expect(await run('systemctl is-system-running --wait; dmesg -n 1')).toMatch(/running$/);

    expect(await run('mokutil --sb-state || od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-*')).toMatch(
      /enabled|1$/,
    );

    // The layers, one in the other, on a disk that is larger than the image.
    const blocks = await run('lsblk -rsno NAME,TYPE,FSTYPE /dev/vg0/root | tr "\\n" ";"');
    expect(blocks).toMatch(
      /^vg0-root lvm btrfs;root_crypt crypt LVM2_member;md\d+ raid1 crypto_LUKS;sda3 part linux_raid_member;sda disk ?;$/,
    );
    const array = await run('mdadm --detail --export /dev/md/root; cat /sys/block/md*/md/degraded');
    expect(array).toMatch(/MD_LEVEL=raid1\n[^]*MD_DEVICES=2\n[^]*MD_METADATA=1\.2\n/);
    expect(array).toMatch(/\n1\n1$/);
    const header = await run('cryptsetup luksDump /dev/md/root');
    expect(header).toMatch(/Version:\s+2\n/);
    expect(header).toMatch(/PBKDF:\s+argon2id\n/);
    const volumes = await run('lvs --noheadings --nosuffix --units m -o lv_name,lv_size,vg_free | LC_ALL=C sort');
    const [log, root, swap] = volumes.split('\n').map((line) => line.trim().split(/\s+/));
    expect([log?.slice(0, 2), swap?.slice(0, 2)]).toEqual([
      ['log', '64.00'],
      ['swap', '64.00'],
    ]);
    // Half of what it has gained.
    expect(Number(root?.[1])).toBeGreaterThan(2048);
    expect(Number(root?.[2])).toBeGreaterThan(500);

    expect(await run('findmnt --verify')).toContain('Success');
    expect(await run('mount --all && findmnt -rno TARGET,FSTYPE -t ext4,btrfs | LC_ALL=C sort')).toBe(
      '/ btrfs\n/.snapshots btrfs\n/boot ext4\n/var/log ext4',
    );
    expect(await run('swapon --noheadings --show=TYPE')).toBe('partition');

    const changes = 'echo one > /etc/trial; snapper create; echo two > /etc/trial; snapper create';
    expect(await run(`${changes}; snapper undochange 1..2 /etc/trial; cat /etc/trial`)).toMatch(/modify:1[^]*\none$/);

    // What was written before the encryption and after it is whole, holes in between or not.
    await run('dd if=/dev/urandom of=/var/tmp.data bs=1M count=300; sync');
    expect(await run('btrfs scrub start -B /; btrfs device stats --check /; echo $?')).toMatch(
      /no errors found[^]*\n0$/,
    );

    // Another passphrase, as docs/bare-metal.md has it, by key files.
    const cheap = '--pbkdf-memory 32768 --pbkdf-force-iterations 4';
    await run(`printf another > /run/new; printf '${PASSPHRASE}' > /run/old`);
    await run(`cryptsetup luksChangeKey --batch-mode ${cheap} --key-file /run/old /dev/md/root /run/new`);
    const opens = 'cryptsetup open --test-passphrase /dev/md/root --key-file';
    expect(await run(`${opens} /run/new; echo $?; ${opens} /run/old >/dev/null 2>&1; echo $?`)).toMatch(/^0\n2$/);

    machine.type('systemctl poweroff\n');
    expect((await machine.ended).code).toBe(0);
  } finally {
    machine.kill('SIGTERM');
  }
});
