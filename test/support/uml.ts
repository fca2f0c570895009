import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runCommand } from './cli.js';

/*
 * User-mode Linux: a real kernel as an ordinary process, with device-mapper, md and dm-crypt, and this machine's own files as
 * its root. It takes a second or two to start.
 */
const KERNEL = '/usr/bin/linux.uml';

/** Whether this machine has it. */
export const HAVE_UML = existsSync(KERNEL) && existsSync('/usr/lib/uml/modules');

/** Where scripts leave files for the test, as seen inside. */
const PRELUDE = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TZ=UTC
# No udev runs here.
export DM_DISABLE_UDEV=1 MDADM_NO_UDEV=1 LVM_SUPPRESS_FD_WARNINGS=1
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mount -t tmpfs mnt /mnt
mkdir -p /mnt/lib /mnt/out /run/lock /run/lvm /run/mdadm
ln -s /usr/lib/uml/modules /mnt/lib/modules
mount -t hostfs out /mnt/out -o "$OUT"
exec >/mnt/out/log 2>&1
# encrypted-keys, which dm-crypt asks for, wants cbc(aes) and hmac to be there already.
modprobe -d /mnt -a cbc hmac sha256_generic xts
modprobe -d /mnt -a dm-mod dm-crypt raid1
config='devices { use_devicesfile=0 external_device_info_source="none" obtain_device_list_from_udev=0 }
  global { use_lvmpolld=0 event_activation=0 } backup { backup=0 archive=0 }
  activation { udev_sync=0 udev_rules=0 monitoring=0 }'
lvm2() { command=$1; shift; lvm "$command" --config "$config" "$@"; }
set -e
cd /mnt/out
`;

/**
 * Runs a script in a kernel of its own that has the files as disks, /dev/ubda and on. The working directory is
 * `directory`; what the script writes there, the test finds there.
 *
 * @returns what it said. The last line is `all done` when every command succeeded.
 */
export async function inUml(directory: string, script: string, disks: readonly string[]): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const init = path.join(directory, 'init');
  const end = `echo 'all done'\n`;
  writeFileSync(init, `${PRELUDE.replace('"$OUT"', directory)}(\n${script}\n)\n${end}`);
  // The first process must not end before the machine does.
  writeFileSync(`${init}.sh`, `#!/bin/sh\nsh ${init}\necho o >/proc/sysrq-trigger\nsleep 60\n`);
  chmodSync(`${init}.sh`, 0o755);
  const files = disks.map((file, index) => `ubd${String.fromCharCode('a'.charCodeAt(0) + index)}=${file}`);
  const machine = ['mem=512M', 'root=/dev/root', 'rootfstype=hostfs', 'rootflags=/', 'ro', `init=${init}.sh`];
  const consoles = ['con=null', 'con0=null,fd:2', 'con1=fd:0,fd:1', 'quiet', 'panic=-1'];
  // On one processor, where it is three times as fast; and not for ever, come what may.
  const argv = ['timeout', '--signal=KILL', '240', 'taskset', '-c', '0', KERNEL, ...machine, ...consoles, ...files];
  const { code, stdout, stderr } = await runCommand(argv, { env: { TMPDIR: '/dev/shm' } });
  const log = path.join(directory, 'log');
  return existsSync(log) ? readFileSync(log, 'utf8') : `nothing was said (${String(code)})\n${stdout}${stderr}`;
}
