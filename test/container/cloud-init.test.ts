import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { build } from '../support/build.js';
import { runCommand } from '../support/cli.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();

const profile = (suite: string): string => `suite: ${suite}
architecture: amd64
collections: [base, systemd, netconfig/systemd-networkd, cloud-init]
options: { network.ipv4.dhcp: false, network.ipv4.addresses: [192.0.2.77/24] }
outputs: [tar.zst]
`;

/** Unpacks an image in memory, and runs a script there, with interfaces and a host name that are nobody else's. */
const IN_IMAGE = `
mount -t tmpfs tmpfs "$2"
tar --extract --file "$1" --directory "$2" --numeric-owner --exclude './dev/*'
mount -t proc proc "$2/proc"
mount -t sysfs sys "$2/sys"
mount -t tmpfs tmpfs "$2/run"
for node in null zero random urandom tty; do : >"$2/dev/$node"; mount --bind "/dev/$node" "$2/dev/$node"; done
hostname staging
ip link set lo up
ip link add eth0 type veth peer name veth0
exec chroot "$2" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin sh -eu`;

/** What systemd asks before anything of cloud-init is started: whether the disks and the hypervisor of a machine have data. */
const IDENTIFY = `
mkdir -p /fake/etc /fake/bin /fake/proc/1 /fake/run/systemd /fake/sys/class/dmi/id /run/systemd
cp -r /etc/cloud /fake/etc/
echo quiet >/fake/proc/cmdline
program() { printf '#!/bin/sh\n%s\n' "$2" >/fake/bin/$1; chmod +x /fake/bin/$1; }
identify() {
  rm -rf /fake/run/cloud-init
  echo "$2" >/fake/sys/class/dmi/id/product_name
  program systemd-detect-virt "echo $2"
  program blkid "printf 'DEVNAME=/dev/sr0\\nLABEL=%s\\nTYPE=iso9660\\n' '$3'"
  program vmware-rpctool "$4"
  export SYSTEMD_VIRTUALIZATION="vm:$2" PATH_ROOT=/fake
  PATH="/fake/bin:$PATH" /usr/lib/cloud-init/ds-identify --force >/dev/null 2>&1 || true
  echo "== $1"
  sed -n 's/^datasource_list: //p' /fake/run/cloud-init/cloud.cfg
  unset PATH_ROOT
}
identify nothing kvm backup 'exit 1'
identify nocloud kvm CIDATA 'exit 1'
identify drive kvm config-2 'exit 1'
identify environment vmware 'OVF ENV' 'exit 1'
identify guestinfo vmware backup 'case $* in *metadata*) echo "instance-id: i" ;; *) exit 1 ;; esac'
`;

/** What a machine does before and after its network is up, with data of three kinds. */
const MACHINE = `
tell() { echo "== $1"; shift; "$@" 2>&1 || echo "code $?"; }
new_machine() {
  cloud-init clean
  rm -rf /run/cloud-init /etc/systemd/network/10-*
  cloud-init init --local >/dev/null 2>&1
  cloud-init init >/dev/null 2>&1
}
seed=/var/lib/cloud/seed/nocloud
mkdir -p $seed
ssh-keygen -q -t ed25519 -N '' -f /root/key
printf '%s\\n' 'instance-id: i-1' 'local-hostname: trial' >$seed/meta-data
cat >$seed/user-data <<END
#cloud-config
growpart: { mode: 'off' }
resize_rootfs: false
ssh_authorized_keys: [$(cat /root/key.pub)]
users:
  - default
  - { name: dora, groups: [ssh-login, ssh-shell], ssh_authorized_keys: [$(cat /root/key.pub)] }
  - { name: carl, ssh_authorized_keys: [$(cat /root/key.pub)] }
END
new_machine
tell network ls /etc/systemd/network
tell address getent hosts trial
tell keys find /etc/ssh -name 'ssh_host_*'
tell schema cloud-init schema --system

ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
mkdir -p /run/sshd
# It misses its other key.
/usr/sbin/sshd 2>/dev/null
enter="ssh -n -i /root/key -o BatchMode=yes -o ConnectionAttempts=9 -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
for user in cosmo dora carl root; do tell $user $enter $user@127.0.0.1 id -un; done

printf '%s\\n' 'version: 2' 'ethernets: { eth0: { addresses: [192.0.2.5/24] } }' >$seed/network-config
new_machine
tell given cat /etc/systemd/network/10-cloud-init-eth0.network

if [ "$(find /usr/lib/python3 -name DataSourceVMware.py)" ]; then
  export VMX_GUESTINFO=1 VMX_GUESTINFO_USERDATA="$(cat $seed/user-data)"
  export VMX_GUESTINFO_METADATA='{ "instance-id": "i-3", "local-hostname": "guest" }'
  rm -r $seed
  new_machine
  tell vmware ls /etc/systemd/network
  tell guest getent hosts guest
fi
# Here are no tables of a firmware, which 20.4 complains of.
tell complaints sh -c "grep -E '(WARNING|ERROR|CRITICAL)\\]' /var/log/cloud-init.log | grep -v dmi.py || true"
`;

describe.each(['bullseye', 'bookworm', 'trixie'])('cloud-init of %s in an image', (suite) => {
  let said: Readonly<Record<string, string>> = {};

  beforeAll(async () => {
    const file = path.join(directory, `${suite}.yaml`);
    writeFileSync(file, profile(suite));
    const { outputDir, results } = await build([file, '--output', path.join(directory, 'out')]);
    const image = path.join(outputDir, results[0]?.files[0]?.path ?? '');
    const at = path.join(directory, suite);
    mkdirSync(at);
    const space = ['unshare', '--mount', '--net', '--uts', '--pid', '--fork', '--kill-child'];
    const { code, stdout, stderr } = await runCommand([...space, 'sh', '-euc', IN_IMAGE, 'sh', image, at], {
      input: IDENTIFY + MACHINE,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const parts = stdout.split(/^== (.*)\n/m).slice(1);
    said = Object.fromEntries(
      parts.flatMap((name, index) => (index % 2 === 0 ? [[name, parts[index + 1]?.trim() ?? '']] : [])),
    );
  });

  it('is started when there are data, of each kind that it knows', () => {
    expect(said).toMatchObject({
      nothing: '',
      nocloud: '[ NoCloud, None ]',
      drive: '[ ConfigDrive, None ]',
      environment: '[ OVF, None ]',
      guestinfo: suite === 'bullseye' ? '' : '[ VMware, None ]',
    });
  });

  it('has nothing to complain of', () => {
    expect(said['complaints']).toBe('');
    // 20.4 knows schemas of some modules only.
    if (suite !== 'bullseye') expect(said['schema']).toMatch(/^Valid /);
  });

  it('leaves the network of the image when the data have none', () => {
    expect(said['network']).toBe('50-default.network');
  });

  it('takes the network that the data have, where it can', () => {
    if (suite === 'bullseye') expect(said['given']).toContain('No such file');
    else expect(said['given']).toContain('Address=192.0.2.5/24');
  });

  it.runIf(suite !== 'bullseye')('makes up no network from guestinfo, either', () => {
    expect(said['vmware']).toBe('50-default.network');
    expect(said['guest']).toContain('127.0.1.1');
  });

  it('lets the name resolve that the data give', () => {
    expect(said['address']).toContain('127.0.1.1');
  });

  it('makes no host keys', () => {
    expect(said['keys']).toBe('');
  });

  it('lets those in by SSH who have a key and are in the groups of the policy', () => {
    expect(said).toMatchObject({ cosmo: 'cosmo', dora: 'dora' });
    for (const user of ['carl', 'root']) expect(said[user]).toContain('Permission denied');
  });
});
