import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, imagePath } from '../support/build.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();

/** Collections that go together in one image, with options that are not the defaults. */
const HOST = `suite: bookworm
architecture: amd64
collections:
  - base
  - systemd
  - default
  - nftables
  - unattended-upgrades
  - qemu-guest-agent
  - roles/nginx/default
  - roles/node-exporter
  - proxmox-pve
options:
  hostname: pve1.example.org
  nftables: { input: { tcp: ['8000-8010', '22'] }, output: { tcp: ['5432'] } }
  unattendedUpgrades: { rebootTime: '03:30', blocked: [postgresql-], origins: ['origin=Proxmox'] }
  qemuGuestAgent.blocked: [guest-exec, guest-set-user-password]
  nginx: { proxyPass: '8080', serverName: app.example.org }
  nodeExporter: { from: [192.0.2.0/24, '2001:db8::/32'], enable: [systemd], disable: [wifi] }
  proxmox: { interface: eno1, address: 192.0.2.10/24, gateway: 192.0.2.1 }
outputs: [tar.zst]
`;

const CONTAINER = `suite: trixie
architecture: amd64
collections: [targets/lxc-sysvinit, targets/hardening]
options: { login.user: bob }
`;

/** Builds a profile and unpacks /etc and dpkg's status; gives the directory. */
async function unpacked(name: string, profile: string): Promise<string> {
  const file = path.join(directory, `${name}.yaml`);
  writeFileSync(file, profile);
  const image = imagePath(await build([file, '--output', path.join(directory, 'out')]));
  const root = path.join(directory, name);
  mkdirSync(root);
  execFileSync('tar', ['--extract', '--file', image, '--directory', root, './etc', './var/lib/dpkg/status']);
  return root;
}

describe('a host with a firewall, updates, an agent, nginx, the node exporter, ready for Proxmox VE', () => {
  let root = '';
  const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
  beforeAll(async () => {
    root = await unpacked('host', HOST);
  });

  it.each<[string, string, string[]]>([
    [
      'the firewall',
      'nftables.conf',
      ['    tcp dport { 22, 80, 443, 8000-8010 } accept', '    tcp dport { 5432 } accept'],
    ],
    [
      'rules of other collections',
      'nftables.d/input/50-roles-node-exporter.nft',
      ['ip saddr 192.0.2.0/24 tcp dport 9100 accept', 'ip6 saddr 2001:db8::/32 tcp dport 9100 accept'],
    ],
    [
      'updates',
      'apt/apt.conf.d/51imgbuild-unattended-upgrades',
      ['  "origin=Proxmox";', '  "postgresql-";', 'Unattended-Upgrade::Automatic-Reboot-Time "03:30";'],
    ],
    ['their timer', 'apt/apt.conf.d/20auto-upgrades', ['APT::Periodic::Unattended-Upgrade "1";']],
    ['the agent', 'qemu/qemu-ga.conf', ['block-rpcs=guest-exec,guest-set-user-password']],
    [
      'the site',
      'nginx/sites-available/app',
      ['    proxy_pass http://127.0.0.1:8080;', '  server_name app.example.org;'],
    ],
    [
      'the exporter',
      'default/prometheus-node-exporter',
      ['ARGS="--web.listen-address=:9100 --collector.systemd --no-collector.wifi"'],
    ],
    ['the bridge', 'network/interfaces', ['iface vmbr0 inet static', '\taddress 192.0.2.10/24', '\tbridge-ports eno1']],
    ["the host's name", 'hosts', ['192.0.2.10\tpve1.example.org pve1']],
  ])('has the options of %s', (_what, file, lines) => {
    expect(read(`etc/${file}`).split('\n')).toEqual(expect.arrayContaining(lines));
  });

  it('starts them', () => {
    const wants = 'etc/systemd/system';
    for (const link of [
      'sysinit.target.wants/nftables.service',
      'multi-user.target.wants/nginx.service',
      'nginx.service.wants/nginx-certificate.service',
      'multi-user.target.wants/prometheus-node-exporter.service',
    ]) {
      expect(path.basename(readlinkSync(path.join(root, wants, link)))).toBe(path.basename(link));
    }
  });

  it('has no key, no welcome page, and nothing of the installation', () => {
    expect(statSync(path.join(root, 'etc/nginx/ssl')).mode & 0o777).toBe(0o700);
    expect(existsSync(path.join(root, 'etc/nginx/ssl/server.key'))).toBe(false);
    expect(existsSync(path.join(root, 'etc/nginx/sites-enabled/default'))).toBe(false);
    expect(statSync(path.join(root, 'etc/nftables.conf')).mode & 0o777).toBe(0o600);
  });
});

describe('a container without systemd', () => {
  it('is started by init scripts, with a console, a network and an SSH server that makes its keys', async () => {
    const root = await unpacked('container', CONTAINER);
    const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');
    expect(read('var/lib/dpkg/status')).toContain('Package: sysvinit-core\n');
    expect(read('var/lib/dpkg/status')).not.toContain('Package: systemd\n');
    expect(read('etc/inittab')).toContain('respawn:/sbin/getty --noclear 38400 console\n');
    expect(read('etc/network/interfaces')).toContain('iface eth0 inet dhcp\n');
    const started = execFileSync('ls', [path.join(root, 'etc/rc2.d')], { encoding: 'utf8' });
    for (const script of ['ssh-host-key', 'ssh', 'cron', 'rsyslog']) {
      expect(started).toMatch(new RegExp(`^S\\d\\d${script}$`, 'm'));
    }
    expect(existsSync(path.join(root, 'etc/systemd/system/ssh-host-key.service'))).toBe(false);
  });
});
