import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { CHECKOUT, runCommand, type Outcome } from './cli.js';
import { addFiles, tree } from './tree.js';

const FILES = path.join(CHECKOUT, 'collections/firstboot/vm/files/initramfs');
const MIB = 1024 * 1024;

/** What the image was built with. */
export const BUILT = {
  root: 'aaaaaaaa-1111-4111-8111-111111111111',
  swap: 'bbbbbbbb-2222-4222-8222-222222222222',
  esp: 'C0DE-0001',
  rootPart: 'dddddddd-3333-4333-8333-333333333333',
  disk: 'EEEEEEEE-4444-4444-8444-444444444444',
} as const;

export const FSTAB = `UUID=${BUILT.root} / ext4 relatime 0 1
UUID=${BUILT.esp} /boot/efi vfat umask=0077 0 2
UUID=${BUILT.swap} none swap sw,nofail 0 0
tmpfs /tmp tmpfs rw 0 0
`;

/** A machine of files: disks and partitions in dev/, what the kernel says of them in sys/, the root file system in root/. */
export interface Machine {
  readonly directory: string;
  readonly device: (name: string) => string;
}

/** Finds UUIDs in the files of dev/ as blkid would among devices. */
const BLKID = `#!/bin/sh
for last; do :; done
for file in "$MACHINE"/dev/*; do
  [ "$(/sbin/blkid -p -s UUID -o value "$file" 2>/dev/null)" != "\${last#UUID=}" ] || echo "$file"
done
`;

/** Runs the real program; the power fails before the call that COUNT names, or right after it when DIE_AFTER is set. */
const FAILING = `#!/bin/sh
name=\${0##*/}
case "$name $*" in "sfdisk --dump"* | "sfdisk --disk-id"* | "sfdisk --part-uuid"* | "tune2fs -l"*) exec /sbin/$name "$@" ;; esac
n=$(($(cat "$MACHINE/calls" 2>/dev/null || echo 0) + 1))
echo "$n" > "$MACHINE/calls"
if [ "$n" = "\${DIE_BEFORE-}" ]; then kill -9 $PPID; exit 1; fi
/sbin/$name "$@" || exit
if [ "$n" = "\${DIE_AFTER-}" ]; then kill -9 $PPID; fi
`;

interface Options {
  readonly swapOnSecondDisk?: boolean;
  /** A third disk, equal to the first one. */
  readonly copy?: boolean;
  /** The root file system as it is made for a GRUB that does not know metadata_csum_seed. */
  readonly oldChecksums?: boolean;
}

/** Makes a machine whose disk is as the image has it, and larger. */
export function machine(options: Options = {}): Machine {
  const directory = tree({
    conf: `RENEW=true\nGROW=true\nROOT_ID=${BUILT.rootPart}\nIDENTITIES="ext4:${BUILT.root} vfat:${BUILT.esp} swap:${BUILT.swap}"\n`,
    'bin/blkid': { program: BLKID },
    'bin/udevadm': { program: '#!/bin/sh\n' },
    'bin/mount': { program: '#!/bin/sh\n' },
    'root/etc/fstab': FSTAB,
  });
  mkdirSync(path.join(directory, 'dev'));
  mkdirSync(path.join(directory, 'run'));
  mkdirSync(path.join(directory, 'proc'));
  writeFileSync(path.join(directory, 'proc/mounts'), `${directory}/dev/vda3 ${directory}/root ext4 ro 0 0\n`);
  for (const name of ['sfdisk', 'tune2fs', 'fatlabel', 'swaplabel']) {
    addFiles(directory, { [`bin/${name}`]: { program: FAILING } });
  }
  const made: Machine = { directory, device: (name) => path.join(directory, 'dev', name) };
  const swapDisk = options.swapOnSecondDisk === true ? 'vdb' : 'vda';
  addDisk(made, 'vda', swapDisk === 'vda', options.oldChecksums);
  if (swapDisk === 'vdb') addSwapDisk(made);
  if (options.copy === true) addDisk(made, 'vdc', true);
  return made;
}

function addDisk(made: Machine, disk: string, withSwap: boolean, oldChecksums = false): void {
  const swap = withSwap ? 'start=4096, size=4096, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F, name=swap\n' : '';
  table(
    made.device(disk),
    `label: gpt\nlabel-id: ${BUILT.disk}\n1 : start=2048, size=2048, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp\n` +
      (withSwap ? `2 : ${swap}` : '') +
      `3 : start=8192, size=16384, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709, uuid=${BUILT.rootPart}, name=root\n`,
    13,
  );
  truncateSync(made.device(disk), 40 * MIB);
  fat(part(made, disk, 1));
  if (withSwap) swapSpace(part(made, disk, 2));
  const root = part(made, disk, 3);
  truncate(root, 8);
  execFileSync('/sbin/mke2fs', [
    '-q',
    '-F',
    '-t',
    'ext4',
    '-O',
    `metadata_csum,${oldChecksums ? '^' : ''}metadata_csum_seed`,
    '-U',
    BUILT.root,
    '-d',
    path.join(CHECKOUT, 'collections'),
    root,
  ]);
}

function addSwapDisk(made: Machine): void {
  table(made.device('vdb'), 'label: gpt\n1 : start=2048, size=4096, type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F\n', 5);
  swapSpace(part(made, 'vdb', 1));
}

function truncate(file: string, mib: number): void {
  writeFileSync(file, '');
  truncateSync(file, mib * MIB);
}

function table(file: string, script: string, mib: number): void {
  truncate(file, mib);
  execFileSync('/sbin/sfdisk', ['--quiet', file], { input: script });
}

function fat(file: string): void {
  truncate(file, 1);
  execFileSync('/sbin/mkfs.vfat', ['-i', BUILT.esp.replace('-', ''), '-n', 'ESP', file]);
}

function swapSpace(file: string): void {
  truncate(file, 2);
  chmodSync(file, 0o600);
  execFileSync('/sbin/mkswap', ['--quiet', '-U', BUILT.swap, '-L', 'swap', file], { stdio: 'pipe' });
}

/** Makes a partition known to sysfs; its content is a file of its own. */
function part(made: Machine, disk: string, number: number): string {
  const name = `${disk}${String(number)}`;
  addFiles(made.directory, { [`sys/devices/${disk}/${name}/partition`]: `${String(number)}\n` });
  mkdirSync(path.join(made.directory, 'sys/class/block'), { recursive: true });
  symlinkSync(`../../devices/${disk}/${name}`, path.join(made.directory, 'sys/class/block', name));
  return made.device(name);
}

/** Runs one of the steps in the initramfs. */
export function step(
  made: Machine,
  name: 'renew' | 'settle' | 'enlarge',
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const { directory } = made;
  if (existsSync(`${directory}/calls`)) writeFileSync(`${directory}/calls`, '0');
  copyFileSync(path.join(FILES, name), `${directory}/step`);
  chmodSync(`${directory}/step`, 0o755);
  return runCommand(
    ['setsid', '--wait', `${directory}/step`, name === 'renew' ? made.device('vda3') : `${directory}/root`],
    {
      env: {
        PATH: `${directory}/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
        MACHINE: directory,
        FIRSTBOOT_LIB: path.join(FILES, 'common.sh'),
        FIRSTBOOT_CONF: `${directory}/conf`,
        FIRSTBOOT_SYS: `${directory}/sys`,
        FIRSTBOOT_RUN: `${directory}/run`,
        FIRSTBOOT_PROC: `${directory}/proc`,
        ...env,
      },
    },
  );
}

/** What blkid says of a file in dev/. */
export function uuidOf(made: Machine, name: string): string {
  return execFileSync('/sbin/blkid', ['-p', '-s', 'UUID', '-o', 'value', made.device(name)], {
    encoding: 'utf8',
  }).trim();
}

/** The partition table as sfdisk prints it. */
export function tableOf(made: Machine, disk: string): string {
  return execFileSync('/sbin/sfdisk', ['--dump', made.device(disk)], { encoding: 'utf8' });
}

export function fstabOf(made: Machine): string {
  return readFileSync(path.join(made.directory, 'root/etc/fstab'), 'utf8');
}
