import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type { Bus } from '../../src/verify/qemu-arguments.js';
import { startMachine, machineFrom, type Machine } from './vm.js';

export const PASSPHRASE = 'vier Kerzen und ein Pferd';
export const PASSWORD = 'root at the console';
/** What the machine is given instead. */
const ANOTHER = 'another';

/** A real machine to be built and started, and what has to hold for it. */
export interface Hardware {
  /** An example profile. */
  readonly example: string;
  readonly root: 'btrfs' | 'ext4';
  readonly bus: Bus;
  readonly plain?: true;
  readonly raid?: true;
  readonly luks?: true;
  readonly secureBoot?: true;
  /** How it is started, one time after the other; what it has changed stays. */
  readonly firmware: readonly ('uefi' | 'bios')[];
  /** A second disk is added, and starts the machine alone afterwards. */
  readonly second?: true;
}

/** What the machine is called in a report. */
export function hardwareTitle({
  example,
  root,
  bus,
  plain,
  raid,
  luks,
  secureBoot,
  firmware,
  second,
}: Hardware): string {
  const layers = [raid && 'RAID1', luks && 'LUKS', plain === undefined && 'LVM', root].filter(Boolean).join('+');
  const more = [secureBoot && 'with Secure Boot', second && 'and from its second disk alone']
    .filter(Boolean)
    .join(', ');
  return `${example}: ${layers} on ${bus}, started by ${firmware.join(', then ')} ${more}`.trim();
}

/** Little memory for the passphrase, and no tests of ciphers: an emulated machine takes its time. */
function profileLines({ root, plain, raid, luks, secureBoot }: Hardware): string {
  const lines = [
    'outputs: [raw]',
    'options:',
    `  rootPassword: ${PASSWORD}`,
    `  boot: { secureBoot: ${String(secureBoot ?? false)}, serial: 'ttyS0,115200', cmdline: mitigations=off cryptomgr.notests }`,
    '  disk:',
    `    rootFormat: ${root}`,
    '    rootSize: 2G',
    '    bootSize: 256M',
    '    swapSize: 64M',
    ...(plain ? ['    lvm: false', '    swap: partition', '    logSize: 0'] : ['    logSize: 64M']),
    `    raid: ${String(raid ?? false)}`,
    ...(luks ? [`    luks: { enable: true, passphrase: ${PASSPHRASE}, memory: 32M }`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** Builds the machine, starts it as often as it says, and looks at it from its console. */
export async function tryHardware(machine: Hardware, directory: string, output: string): Promise<void> {
  const built = await machineFrom(machine.example, profileLines(machine), '.raw', { directory, output });
  await tryDisk(machine, path.resolve(built), directory);
}

/** The same for a disk that is there. */
export async function tryDisk(machine: Hardware, image: string, directory: string): Promise<void> {
  const keep = path.join(directory, `${machine.example}-kept`);
  mkdirSync(keep);
  const disks = [
    image,
    ...(machine.second ? [emptyDisk(path.join(directory, `${machine.example}-second.qcow2`))] : []),
  ];
  for (const [n, firmware] of machine.firmware.entries()) {
    const options = ['--firmware', firmware, '--keep', keep, ...(n === 0 ? ['--disk-size', DISK_SIZE] : [])];
    await withHardware(machine, [...disks, ...options], n === 0 ? PASSPHRASE : ANOTHER, async (started) => {
      await checkLayers(machine, started);
      if (n === 0) await procedures(machine, started);
    });
  }
  if (machine.second) {
    const second = path.join(keep, 'disk1.qcow2');
    // The empty disk below it has another path in the builder, and nothing in it.
    execFileSync('qemu-img', ['rebase', '-u', '-b', '', second]);
    for (const firmware of new Set(machine.firmware)) {
      await withHardware(machine, [second, '--firmware', firmware], ANOTHER, async ({ run }) => {
        expect(await run('cat /sys/block/md*/md/degraded')).toMatch(/^1\s+1$/);
        expect(await run('findmnt -no FSTYPE /; systemctl is-system-running')).toBe(`${machine.root}\nrunning`);
      });
    }
  }
}

const DISK_SIZE = '3G';

function emptyDisk(file: string): string {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, DISK_SIZE]);
  return file;
}

/** Starts a machine, opens its storage, logs in, and switches it off when all is done. */
async function withHardware(
  { bus, luks, secureBoot }: Hardware,
  args: readonly string[],
  passphrase: string,
  use: (machine: Machine) => Promise<void>,
): Promise<void> {
  const secure = secureBoot ? ['--secure-boot'] : [];
  const machine = startMachine([...args, ...secure, '--disk-bus', bus, '--cpus', '1']);
  try {
    if (luks) {
      await machine.shows(/unlock disk root_crypt/);
      machine.type(`${passphrase}\n`);
    }
    await machine.login('root', PASSWORD);
    // What the kernel says stands between the answers until it is told not to.
    expect(await machine.run('systemctl is-system-running --wait; dmesg -n 1')).toMatch(/running$/);
    await use(machine);
    machine.type('systemctl poweroff\n');
    expect((await machine.ended).code).toBe(0);
  } finally {
    machine.kill('SIGTERM');
  }
}

/** The layers, one in the other, on a disk that is larger than the image. */
async function checkLayers(
  { example, root, plain, raid, luks, secureBoot }: Hardware,
  { run }: Machine,
): Promise<void> {
  if (secureBoot) {
    expect(await run('mokutil --sb-state || od -An -tu1 -j4 /sys/firmware/efi/efivars/SecureBoot-*')).toMatch(
      /enabled|1$/,
    );
  }
  const source = "$(findmnt -no SOURCE / | sed 's/\\[.*//')";
  const blocks = await run(`lsblk -rsno NAME,TYPE,FSTYPE ${source} | tr "\\n" ";"`);
  const inside = plain ? root : 'LVM2_member';
  const layers = [
    ...(plain ? [] : [`vg0-root lvm ${root}`]),
    ...(luks ? [`root_crypt crypt ${inside}`] : []),
    ...(raid ? [`md\\d+ raid1 ${luks ? 'crypto_LUKS' : inside}`] : []),
  ];
  const bottom = raid ? 'linux_raid_member' : luks ? 'crypto_LUKS' : inside;
  // With two disks the array stands on both.
  expect(blocks).toMatch(new RegExp(`^${layers.map((layer) => `${layer};`).join('')}\\w+ part ${bottom};\\w+ disk ?;`));

  // Before util-linux 2.37 it knows of no root file system that needs no fsck.
  const old = example.startsWith('deb11') && root === 'btrfs';
  expect(await run('findmnt --verify')).toMatch(
    old ? /^\/\n +\[W\] recommended root FS passno[^\n]*\n\n0 parse errors, 0 errors, 1 warning$/ : /Success/,
  );
  // Before there is a network.
  expect(await run("dmesg | grep -o 'network-hardening: .*'")).toBe('network-hardening: the settings are made');
  const mounts = [
    `/ ${root}`,
    ...(root === 'btrfs' ? ['/.snapshots btrfs'] : []),
    '/boot ext4',
    ...(plain ? [] : ['/var/log ext4']),
  ];
  expect(await run('mount --all && findmnt -rno TARGET,FSTYPE -t ext4,btrfs | LC_ALL=C sort')).toBe(mounts.join('\n'));
  expect(await run('swapon --noheadings --show=TYPE')).toBe('partition');
  if (raid) {
    const array = await run('mdadm --detail --export /dev/md/root');
    expect(array).toMatch(/MD_LEVEL=raid1\n[^]*MD_DEVICES=2\n[^]*MD_METADATA=1\.2\n/);
  }
  if (luks) {
    const header = await run(`cryptsetup luksDump ${raid ? '/dev/md/root' : '/dev/disk/by-partlabel/root'}`);
    expect(header).toMatch(/Version:\s+2\n/);
    expect(header).toMatch(/PBKDF:\s+argon2id\n/);
  }
  // It has grown at the first boot: all of it in a partition, by half of what there is to have in a group.
  expect(Number(await run('findmnt -bno SIZE /'))).toBeGreaterThan((plain ? 2.4 : 2.1) * 2 ** 30);
  if (!plain) {
    const volumes = await run('lvs --noheadings --nosuffix --units m -o lv_name,lv_size | LC_ALL=C sort');
    expect(volumes.split('\n').map((line) => line.trim().split(/\s+/)[0])).toEqual(['log', 'root', 'swap']);
  }
}

/** What docs/bare-metal.md tells to do afterwards. */
async function procedures({ root, plain, raid, luks, second, firmware }: Hardware, { run }: Machine): Promise<void> {
  if (root === 'btrfs') {
    const changes = 'echo one > /etc/trial; snapper create; echo two > /etc/trial; snapper create';
    expect(await run(`${changes}; snapper undochange 1..2 /etc/trial; cat /etc/trial`)).toMatch(/modify:1[^]*\none$/);
    // What was written before the encryption and after it is whole, holes in between or not.
    await run('dd if=/dev/urandom of=/var/tmp.data bs=1M count=300; sync');
    expect(await run('btrfs scrub start -B /; btrfs device stats --check /; echo $?')).toMatch(
      /no errors found[^]*\n0$/,
    );
    await run('rm /var/tmp.data');
  }
  if (luks) {
    const device = raid ? '/dev/md/root' : '/dev/disk/by-partlabel/root';
    const cheap = '--pbkdf-memory 32768 --pbkdf-force-iterations 4';
    await run(`printf ${ANOTHER} > /run/new; printf '${PASSPHRASE}' > /run/old`);
    await run(`cryptsetup luksChangeKey --batch-mode ${cheap} --key-file /run/old ${device} /run/new`);
    const opens = `cryptsetup open --test-passphrase ${device} --key-file`;
    expect(await run(`${opens} /run/new; echo $?; ${opens} /run/old >/dev/null 2>&1; echo $?`)).toMatch(/^0\n2$/);
  }
  if (raid) expect(await run('cat /sys/block/md*/md/degraded')).toMatch(/^1\s+1$/);
  if (second) {
    const fresh =
      '$(lsblk -dnro NAME,TYPE,PTTYPE | awk \'$2 == "disk" && $3 == "" && $1 !~ /zram|fd/ { print "/dev/" $1 }\')';
    expect(await run(`raid-add-disk ${fresh}; echo "status $?"`)).toMatch(/status 0$/);
    expect(await run('mdadm --wait /dev/md/root /dev/md/boot; cat /sys/block/md*/md/degraded')).toMatch(/0\s+0$/);
  }
  if (!plain) {
    // Grown on line, with what the group has left.
    const grow = root === 'btrfs' ? 'btrfs filesystem resize max /' : 'resize2fs /dev/vg0/root';
    const before = Number(await run('findmnt -bno SIZE /'));
    await run(`lvextend -l +50%FREE vg0/root && ${grow}`);
    expect(Number(await run('findmnt -bno SIZE /'))).toBeGreaterThan(before);
  }
  // Only a further start tells whether it was right, and it takes minutes where it is emulated.
  if (firmware.length > 1) expect(await run('update-grub; echo "status $?"')).toMatch(/Found linux image[^]*status 0$/);
}
