import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { grubBiosWrites } from '../../src/boot/grub-bios.js';
import type { Filesystem, Layer, Partition, Storage } from '../../src/config/layout.js';
import { diskFacts } from '../../src/disk/facts.js';
import { layerHeaders } from '../../src/disk/headers.js';
import { partitionTable } from '../../src/disk/partition-table.js';
import { planDisks } from '../../src/disk/plan.js';
import type { DiskPlan } from '../../src/disk/types.js';
import { holderOf } from '../../src/disk/walk.js';
import { CHECKOUT, runCommand } from '../support/cli.js';
import { MIB } from '../support/disk-plans.js';
import { writeInto } from '../support/disk-files.js';
import { scratch } from '../support/scratch.js';

/*
 * Disks that hold GRUB and nothing else: what comes up is read from /boot, through all that /boot lies on. QEMU's own
 * BIOS and an emulated processor are enough, and seconds.
 */
const MARKER = 'imgbuild: GRUB has read its configuration';
const directory = scratch();

const filesystem = (format: 'ext4' | 'btrfs', mountpoint: string): Filesystem => ({
  type: 'filesystem',
  format,
  mountpoint,
  label: '',
  options: [],
  compression: '',
  snapper: false,
});
const raid1 = (content: Layer, devices = 2): Layer => ({ type: 'raid1', name: 'md-boot', devices, content });
const lvm = (content: Filesystem): Layer => ({
  type: 'lvm',
  name: 'vg-0',
  volumes: [
    { name: 'other', size: 4 * MIB, content: { type: 'swap', label: '' } },
    { name: 'a-b', size: 120 * MIB, content },
  ],
});

const bios: Partition = { name: 'bios', type: 'bios-boot', size: MIB };
const holding = (content: Layer, name = 'boot'): Partition => ({ name, type: 'linux', size: 160 * MIB, content });
const root: Partition = { name: 'root', type: 'root', size: 8 * MIB, content: filesystem('ext4', '/') };
const storage = (table: 'gpt' | 'mbr', ...partitions: Partition[]): Storage => ({
  firmware: 'bios',
  disks: [{ name: 'd', table, partitions: [...(table === 'gpt' ? [bios] : []), ...partitions] }],
});

/** The root directory of an image whose only packages are GRUB's, with what the collection makes of it. */
async function image(name: string, facts: Readonly<Record<string, string>>): Promise<string> {
  const root = path.join(directory, name);
  mkdirSync(path.join(root, 'boot/grub'), { recursive: true });
  cpSync('/usr/lib/grub/i386-pc', path.join(root, 'usr/lib/grub/i386-pc'), { recursive: true });
  const lines = ['insmod serial', 'serial --unit=0', 'terminal_output serial', `echo '${MARKER} from' $root`, 'halt'];
  writeFileSync(path.join(root, 'boot/grub/grub.cfg'), lines.join('\n'));
  // This machine's GRUB in the place of the image's own.
  const script = `
    . "$LIBRARY"
    in_target() {
      program=$1; shift
      case $program in
        sh) sh -c "$(printf '%s\\n' "$2" | sed "s, /, $ROOT/,g")" ;;
        grub-mkimage) set -- $(printf '%s\\n' "$@" | sed "s,=/boot,=$ROOT/boot,; s,^--prefix=$ROOT,--prefix=,")
          grub-mkimage --directory="$ROOT/usr/lib/grub/i386-pc" "$@" ;;
      esac
    }
    _ids() { _uid=$(id -u) _gid=$(id -g); }
    . "$HOOK"`;
  const hook = path.join(CHECKOUT, 'collections/bootable/bios/hooks/customize/82-grub-core.sh');
  const env = { ...facts, ROOT: root, LIBRARY: path.join(CHECKOUT, 'collections/lib.sh'), HOOK: hook };
  const { code, stderr } = await runCommand(['bash', '--norc', '--posix', '-Eeu', '-c', script], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return root;
}

/** Writes the file systems of a disk and everything else that it boots with. */
async function assemble(root: string, file: string, disk: DiskPlan): Promise<void> {
  writeFileSync(file, '');
  truncateSync(file, disk.bytes);
  const { data } = holderOf([disk], '/boot');
  const tree = path.join(root, data.mountpoint);
  if (data.format === 'ext4') {
    const argv = ['mke2fs', '-q', '-F', '-t', 'ext4', '-b', '4096', '-U', data.uuid, '-d', tree];
    const place = ['-E', `offset=${String(data.start)}`, file, `${String(data.bytes / 1024)}k`];
    expect(await runCommand([...argv, ...place])).toMatchObject({ code: 0 });
  } else {
    // The mkfs.btrfs of this machine makes no subvolumes; GRUB sees a directory of the name just as well.
    const top = path.join(root, 'top');
    cpSync(path.join(tree, 'boot'), path.join(top, '@rootfs/boot'), { recursive: true });
    const image = `${file}.btrfs`;
    writeFileSync(image, '');
    truncateSync(image, data.bytes);
    expect(await runCommand(['mkfs.btrfs', '-q', '-U', data.uuid, '-r', top, image])).toMatchObject({ code: 0 });
    writeInto(file, [{ offset: data.start, bytes: readFileSync(image) }]);
  }
  const grub = path.join(root, 'boot/grub/i386-pc');
  const images = { boot: readFileSync(path.join(grub, 'boot.img')), core: readFileSync(path.join(grub, 'core.img')) };
  writeInto(file, [...layerHeaders(disk, 1), ...partitionTable(disk, 'amd64'), ...grubBiosWrites(disk, images)]);
}

/** What GRUB says on the serial port until it has said the marker, or a minute. */
async function boot(...files: string[]): Promise<string> {
  const log = path.join(directory, 'serial');
  writeFileSync(log, '');
  const drives = files.flatMap((file) => ['-drive', `file=${file},format=raw,if=virtio,snapshot=on`]);
  const machine = ['-machine', 'pc,accel=tcg', '-m', '128', '-nic', 'none', '-display', 'none', '-no-reboot'];
  const qemu = spawn('qemu-system-x86_64', [...machine, '-serial', `file:${log}`, ...drives], { stdio: 'ignore' });
  const said = (): string => readFileSync(log, 'utf8');
  try {
    for (let tenths = 0; tenths < 600 && !said().includes(MARKER) && qemu.exitCode === null; tenths += 1)
      await setTimeout(100);
    await setTimeout(100);
    return said();
  } finally {
    qemu.kill('SIGKILL');
  }
}

const present = existsSync('/usr/lib/grub/i386-pc/boot.img') && existsSync('/usr/bin/qemu-system-x86_64');

describe.skipIf(!present)('a BIOS starts GRUB, which finds /boot', () => {
  const plain = filesystem('ext4', '/boot');
  it.each<[string, Storage, string]>([
    ['on a partition of a GPT', storage('gpt', holding(plain), root), 'hd0,gpt2'],
    ['on a partition of an MBR', storage('mbr', root, holding(plain)), 'hd0,msdos2'],
    ['on the root file system', storage('gpt', holding(filesystem('ext4', '/'))), 'hd0,gpt2'],
    ['on a btrfs root file system', storage('gpt', holding(filesystem('btrfs', '/'))), 'hd0,gpt2'],
    ['on one half of an array', storage('gpt', holding(raid1(plain)), root), 'md/md-boot'],
    ['on an array of one', storage('mbr', holding(raid1(plain, 1)), root), 'md/md-boot'],
    ['on a logical volume', storage('gpt', holding(lvm(plain)), root), 'lvm/vg--0-a--b'],
    ['on a logical volume on half an array', storage('mbr', holding(raid1(lvm(plain))), root), 'lvm/vg--0-a--b'],
  ])('%s', async (name, given, from) => {
    const [disk] = planDisks(given, name);
    if (disk === undefined) throw new Error('no disk');
    const tree = await image(name.replaceAll(' ', '-'), diskFacts(given, [disk]));
    const file = `${tree}.img`;
    await assemble(tree, file, disk);
    expect(await boot(file)).toContain(`${MARKER} from ${from}`);
  });
});
