import { closeSync, mkdirSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readTable, TABLE_BYTES, type Table } from '../../src/verify/qemu-partitions.js';
import { runCommand } from './cli.js';

const MIB = 2 ** 20;

/** Runs a tool that has to succeed, and returns what it said. */
export async function tool(argv: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await runCommand(argv, {
    input,
    env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`, LC_ALL: 'C.UTF-8' },
  });
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${String(code)}\n${stdout}${stderr}`);
  return stdout;
}

/** A shell script that has to succeed; its arguments are `$1` and so on. */
export function shell(script: string, ...args: readonly string[]): Promise<string> {
  return tool(['bash', '--norc', '-euo', 'pipefail', '-c', script, 'test', ...args]);
}

/** The partition table of a raw disk. */
export function tableOf(disk: string): Table {
  const head = Buffer.alloc(TABLE_BYTES);
  const fd = openSync(disk, 'r');
  readSync(fd, head, 0, head.length, 0);
  closeSync(fd);
  return readTable(head);
}

export const ROOT_UUID = '11111111-2222-3333-4444-555555555555';
export const ESP_UUID = 'CAFE-F00D';

/** First bytes of a program for amd64. */
export const AMD64_HEAD = Buffer.from(`7f454c46020101${'00'.repeat(9)}03003e00${'00'.repeat(44)}`, 'hex');

/** Something like a Debian system in a directory: enough for every rule to have something to look at. */
export function writeSystem(root: string): void {
  const file = (name: string, content: string | Buffer, mode = 0o644): void => {
    mkdirSync(path.join(root, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(root, name), content, { mode });
  };
  file('usr/bin/dash', AMD64_HEAD, 0o755);
  file('usr/sbin/init', 'x', 0o755);
  file('usr/sbin/ifup', 'x', 0o755);
  file('usr/lib/os-release', 'ID=debian\nVERSION_ID="12"\n');
  file('etc/debian_version', '12.12\n');
  file('etc/machine-id', '');
  file('etc/passwd', 'root:x:0:0::/root:/bin/sh\n');
  file('etc/shadow', 'root:*:20000::::::\n', 0o640);
  file('etc/fstab', `UUID=${ROOT_UUID} / ext4 defaults 0 1\nUUID=${ESP_UUID} /boot/efi vfat defaults 0 1\n`);
  file('etc/name with "quotes" and \\ umlauts ü', 'odd\n');
  const packages = ['qemu-guest-agent', 'hyperv-daemons', 'open-vm-tools'];
  file('var/lib/dpkg/status', packages.map((name) => `Package: ${name}\nStatus: install ok installed\n`).join('\n'));
  mkdirSync(path.join(root, 'boot/efi'), { recursive: true });
}

/** Writes the root filesystem into a partition that begins at `at` in the disk. */
export type MakeRoot = (disk: string, at: number, bytes: number, root: string) => Promise<unknown>;

export const makeExt4: MakeRoot = (disk, at, bytes, root) =>
  tool([
    'mke2fs',
    '-q',
    '-F',
    '-t',
    'ext4',
    '-U',
    ROOT_UUID,
    '-L',
    'root',
    '-d',
    root,
    '-E',
    `offset=${String(at)}`,
    disk,
    `${String(bytes / 1024)}k`,
  ]);

/**
 * A GPT disk of 160 MiB with an EFI system partition, whose content is the directory `esp`, and a root filesystem.
 */
export async function writeDisk(disk: string, root: string, esp: string, makeRoot: MakeRoot = makeExt4): Promise<void> {
  writeFileSync(disk, '');
  truncateSync(disk, 160 * MIB);
  const table = [
    'label: gpt',
    'start=1MiB, size=40MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp',
    'start=41MiB, size=118MiB, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, name=root',
  ];
  await tool(['sfdisk', '-q', disk], `${table.join('\n')}\n`);
  await makeRoot(disk, 41 * MIB, 118 * MIB, root);
  const part = `${disk}.esp`;
  writeFileSync(part, '');
  truncateSync(part, 40 * MIB);
  await tool(['mkfs.vfat', '-F', '32', '-s', '1', '-i', ESP_UUID.replace('-', ''), '-n', 'ESP', part]);
  await shell('mcopy -s -i "$1" "$2"/* ::/', part, esp);
  await shell('dd if="$1" of="$2" bs=1M seek=1 conv=notrunc,sparse status=none; rm "$1"', part, disk);
}
