import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKOUT, runCommand } from '../support/cli.js';
import { runHook } from '../support/hook.js';
import { tree, type Leaf } from '../support/tree.js';

const OPTIONS = {
  OPT_NFTABLES_INPUT_ALLOW: 'true',
  OPT_NFTABLES_INPUT_TCP: '443\n80\n8000-8010\n80',
  OPT_NFTABLES_INPUT_UDP: '',
  OPT_NFTABLES_OUTPUT_ALLOW: 'true',
  OPT_NFTABLES_OUTPUT_RESTRICT: 'true',
  OPT_NFTABLES_OUTPUT_TCP: '5432',
  OPT_NFTABLES_OUTPUT_UDP: '',
  OPT_NFTABLES_FORWARD: 'false',
  OPT_NFTABLES_LOG: 'true',
  OPT_NFTABLES_EARLY: 'true',
  OPT_SSHD_ENABLE: 'true',
} as const;

const IMAGE: Readonly<Record<string, Leaf>> = {
  'etc/nftables.d/input/.gitkeep': '',
  'etc/nftables.d/output/.gitkeep': '',
  'etc/initramfs-tools/initramfs.conf': '',
  'usr/lib/systemd/system/nftables.service': '',
};
const STAND_IN = 'in_target() { echo "$@"; }';

async function image(env: Readonly<Record<string, string>> = {}): Promise<string> {
  const root = tree(IMAGE);
  const outcome = await runHook(root, 'nftables/hooks/customize/50-nftables.sh', { ...OPTIONS, ...env }, STAND_IN);
  expect(outcome).toMatchObject({ code: 0, stdout: 'systemctl --quiet enable nftables\n', stderr: '' });
  return root;
}

/** Loads the rules of an image twice, in a network of its own, and tells what the kernel then has. */
async function loaded(root: string): Promise<string> {
  const conf = path.join(root, 'loaded.conf');
  const text = readFileSync(path.join(root, 'etc/nftables.conf'), 'utf8');
  writeFileSync(conf, text.replaceAll('"/etc/nftables.d', `"${root}/etc/nftables.d`));
  const script = 'nft -c -f "$1" && nft -f "$1" && nft -f "$1" && nft -s list ruleset';
  const { code, stdout, stderr } = await runCommand(['unshare', '-rn', 'sh', '-c', script, '-', conf]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

/** The rules of a chain, without indentation. */
const chain = (rules: string, name: string): string[] =>
  (new RegExp(`^\\tchain ${name} \\{\\n(.*?)^\\t\\}`, 'ms').exec(rules)?.[1] ?? '')
    .split('\n')
    .map((line) => line.trim());

describe('the rules of nftables', () => {
  it('drop what nobody asked for, and let in the ports of the options and the rules of others', async () => {
    const root = await image();
    writeFileSync(`${root}/etc/nftables.d/input/50-x.nft`, 'ip saddr 192.0.2.0/24 tcp dport 9100 accept\n');
    const rules = await loaded(root);
    expect(rules.match(/policy drop/g)).toHaveLength(3);
    expect(chain(rules, 'input')).toEqual(expect.arrayContaining(['tcp dport 22 accept', 'jump input_local']));
    expect(chain(rules, 'input_local').slice(0, 2)).toEqual([
      'tcp dport { 80, 443, 8000-8010 } accept',
      'ip saddr 192.0.2.0/24 tcp dport 9100 accept',
    ]);
    expect(chain(rules, 'output_local')[0]).toBe('tcp dport 5432 accept');
    expect(rules).toContain('log prefix "drop-incoming: "');
  });

  it('open nothing more when lists do not count or the server of SSH is missing', async () => {
    const rules = await loaded(await image({ OPT_NFTABLES_INPUT_ALLOW: 'false', OPT_SSHD_ENABLE: 'false' }));
    expect(chain(rules, 'input_local')).toEqual(['']);
    expect(chain(rules, 'input')).not.toContain('tcp dport 22 accept');
  });

  it('let everything out and through where that is wanted, without a word', async () => {
    const rules = await loaded(
      await image({ OPT_NFTABLES_OUTPUT_RESTRICT: 'false', OPT_NFTABLES_FORWARD: 'true', OPT_NFTABLES_LOG: 'false' }),
    );
    expect(rules.match(/policy drop/g)).toHaveLength(1);
    expect(rules).not.toContain('log prefix');
  });

  it('let containers of Podman ask the host for names', async () => {
    const root = await image();
    const options = { OPT_PODMAN_ROOTLESS: 'false', OPT_PODMAN_SOCKET: 'false', OPT_PODMAN_RESTART: 'false' };
    const { code, stderr } = await runHook(
      root,
      'roles/podman/hooks/customize/50-podman.sh',
      { ...options, OPT_PODMAN_AUTO_UPDATE: 'false', COLLECTION: 'roles/podman' },
      'unit_exists() { false; }',
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(chain(await loaded(root), 'input_local')).toEqual(
      expect.arrayContaining(['iifname "podman*" udp dport 53 accept', 'iifname "podman*" tcp dport 53 accept']),
    );
  });

  it('let a connection through to an open port, and none to another', async () => {
    const root = await image({ OPT_NFTABLES_INPUT_TCP: '8080' });
    await loaded(root);
    // Two networks side by side: this one has the firewall, and listens on both ports.
    const script = `set -eu
      unshare -n sleep 60 & peer=$!
      trap 'kill $peer' EXIT
      sleep 0.5
      ip link add here type veth peer name there netns "$peer"
      ip addr add 192.0.2.1/24 dev here; ip link set here up; ip link set lo up
      nsenter -n -t "$peer" sh -c 'ip addr add 192.0.2.2/24 dev there; ip link set there up'
      nft -f "$1"
      perl -MIO::Socket::INET -e 'my @s = map { IO::Socket::INET->new(Listen => 1, LocalPort => $_, ReuseAddr => 1) or die } 8080, 8081; sleep 20' & server=$!
      sleep 0.5
      for port in 8080 8081; do
        nsenter -n -t "$peer" perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(PeerAddr => "192.0.2.1", PeerPort => $ARGV[0], Timeout => 3) ? "open " : "shut "' "$port"
      done
      kill $server`;
    const { stdout, stderr } = await runCommand(['unshare', '-rn', 'sh', '-c', script, '-', `${root}/loaded.conf`]);
    expect(stdout, stderr).toBe('open shut ');
  });
});

describe('loading the rules in the initramfs', () => {
  it('is prepared where there is one, and only then', async () => {
    const root = await image();
    for (const script of ['hooks/imgbuild-nftables', 'scripts/init-top/imgbuild-nftables']) {
      const { code, stderr } = await runCommand(['sh', '-n', `${root}/etc/initramfs-tools/${script}`]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
  });

  it('loads the rules, without those that cannot be loaded there', async () => {
    const root = await image();
    await loaded(root);
    const boot = readFileSync(`${CHECKOUT}/collections/nftables/files/initramfs/init-top`, 'utf8')
      .replaceAll('/etc/nftables', `${root}/etc/nftables`)
      .replaceAll(`${root}/etc/nftables.conf`, `${root}/loaded.conf`)
      .replace('/dev/kmsg', `${root}/kmsg`);
    writeFileSync(`${root}/boot-script`, boot);
    const run = async (): Promise<string> => {
      const script = 'modprobe() { :; }; . "$0"; nft list table inet filter >/dev/null';
      const { code, stderr } = await runCommand(['unshare', '-rn', 'sh', '-c', script, `${root}/boot-script`]);
      expect(code, stderr).toBe(0);
      return readFileSync(`${root}/kmsg`, 'utf8');
    };
    expect(await run()).toBe('<6>imgbuild-nftables: the rules are loaded\n');
    writeFileSync(`${root}/etc/nftables.d/input/bad.nft`, 'iif "none0" accept\n');
    expect(await run()).toBe(
      '<4>imgbuild-nftables: the rules are loaded, but those of /etc/nftables.d\n'.replace('/etc', `${root}/etc`),
    );
  });

  const hook = 'nftables/hooks/customize/91-initramfs-check.sh';
  const PARTS = [
    'usr/sbin/nft',
    'etc/nftables.conf',
    'scripts/init-top/imgbuild-nftables',
    ...['nf_tables', 'nft_ct', 'nft_limit', 'nft_log', 'nft_reject_inet'].map(
      (name) => `usr/lib/modules/6.1/${name}.ko.xz`,
    ),
  ];

  it('is looked for in the finished initramfs', async () => {
    const check = (parts: readonly string[]) => {
      const root = tree({ 'boot/initrd.img-6.1': '', list: parts.map((part) => `${part}\n`).join('') });
      return runHook(root, hook, { OPT_NFTABLES_EARLY: 'true' }, 'in_target() { cat "$ROOT/list"; }');
    };
    expect(await check(PARTS)).toMatchObject({ code: 0, stderr: '' });
    for (const missing of PARTS) {
      const { code, stderr } = await check(PARTS.filter((part) => part !== missing));
      expect(code, missing).toBe(1);
      expect(stderr).toMatch(/the initramfs of the kernel 6\.1 (lacks|has no module) /);
    }
  });
});
