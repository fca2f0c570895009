import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { CHECKOUT, runCommand } from '../support/cli.js';
import { runHook } from '../support/hook.js';
import { tree } from '../support/tree.js';

const COLLECTION = 'hardening/network';
const SETTINGS = 'etc/sysctl.d/20-hardening_net.conf';
const shipped = readFileSync(`${CHECKOUT}/collections/${COLLECTION}/overlay/customize/${SETTINGS}`, 'utf8');

describe('hardened network settings in the initramfs', () => {
  const scripts = [
    'etc/initramfs-tools/hooks/imgbuild-network-hardening',
    'etc/initramfs-tools/scripts/init-top/imgbuild-network-hardening',
  ];

  it('are prepared where there is one, and only then', async () => {
    const [machine, container] = [tree({ 'etc/initramfs-tools/initramfs.conf': '' }), tree({ 'etc/hosts': '' })];
    for (const root of [machine, container]) {
      expect(await runHook(root, `${COLLECTION}/hooks/customize/50-initramfs.sh`, {})).toMatchObject({ code: 0 });
    }
    for (const script of scripts) {
      expect(statSync(`${machine}/${script}`).mode & 0o777).toBe(0o755);
      expect(existsSync(`${container}/${script}`)).toBe(false);
    }
  });

  it('come along with the file', async () => {
    const root = tree({ [SETTINGS]: shipped });
    const hook = readFileSync(`${CHECKOUT}/collections/${COLLECTION}/files/hook`, 'utf8');
    writeFileSync(`${root}/hook`, hook.replaceAll(' /etc/', ` ${root}/etc/`));
    const { code, stderr } = await runCommand(['env', `DESTDIR=${root}/initramfs`, 'sh', `${root}/hook`]);
    expect(code, stderr).toBe(0);
    expect(readFileSync(`${root}/initramfs/${SETTINGS}`, 'utf8')).toBe(shipped);
  });

  /** Makes the settings in a network of its own, and tells what the kernel's log would have and what the kernel then has. */
  async function made(settings: string, ...keys: string[]): Promise<string> {
    const root = tree({ [SETTINGS]: settings, kmsg: '' });
    const script = readFileSync(`${CHECKOUT}/collections/${COLLECTION}/files/init-top`, 'utf8');
    writeFileSync(
      `${root}/init-top`,
      script.replace('=/etc/', `=${root}/etc/`).replaceAll('/dev/kmsg', `${root}/kmsg`),
    );
    const steps =
      'ip link add early type veth peer name late; sh "$0" && cat "$1" && shift && cd /proc/sys/net && cat "$@"';
    const command = ['unshare', '-rn', 'sh', '-c', steps, `${root}/init-top`, `${root}/kmsg`, ...keys];
    const { code, stdout, stderr } = await runCommand(command);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    return stdout;
  }

  it('are made, also for interfaces that are there already', async () => {
    const keys = ['ipv4/conf/all/arp_ignore', 'ipv4/conf/default/rp_filter', 'ipv4/conf/all/accept_redirects'];
    const early = 'ipv6/conf/early/accept_redirects';
    expect(await made(shipped, ...keys, early)).toBe(
      '<6>imgbuild-network-hardening: the settings are made\n2\n1\n0\n0\n',
    );
  });

  it('are read however they are written, and what the kernel lacks or refuses stops nothing', async () => {
    const text = '; x\n-net.ipv4.conf.all.arp_filter=1\nnet.none.such = 1\nnet.ipv4.conf.all.arp_ignore = x\n';
    expect(await made(text, 'ipv4/conf/all/arp_filter')).toBe(
      '<4>imgbuild-network-hardening: the kernel refuses net.ipv4.conf.all.arp_ignore\n1\n',
    );
  });
});
