import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { build, imagePath } from '../support/build.js';
import { CHECKOUT, runCommand } from '../support/cli.js';
import { BOOT_OUTPUT, testKey } from '../support/key.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const key = testKey();

/** Boots a template and returns what it told, by the names of the sections. */
async function boot(image: string, mode: 'proxmox' | 'dhcp'): Promise<Record<string, string>> {
  const outcome = await runCommand([`${CHECKOUT}/test/support/boot-template.sh`, image, mode, key.file]);
  const sections = outcome.stdout.split(/^## /m).slice(1);
  const told = Object.fromEntries(
    sections.map((text) => {
      const end = text.indexOf('\n');
      return [text.slice(0, end), text.slice(end + 1).trimEnd()];
    }),
  );
  expect(Object.keys(told), outcome.stderr).toContain('end');
  return told;
}

async function template(suite: string): Promise<string> {
  const profile = path.join(directory, `${suite}-boot.yaml`);
  writeFileSync(
    profile,
    `extends: ${CHECKOUT}/profiles/examples/${suite}/${suite}-amd64-lxc.yaml
options:
  login: { authorizedKeys: ['${key.line}'] }
  control: { authorizedKeys: ['${key.line}'] }
`,
  );
  return imagePath(await build([profile, '--output', BOOT_OUTPUT, '--keep', '1']));
}

describe.each(['deb11', 'deb12', 'deb13'])('the template of %s', (suite) => {
  let image: string;
  let told: Record<string, string>;
  beforeAll(async () => {
    image = await template(suite);
    told = await boot(image, 'proxmox');
    process.stderr.write(
      `${suite}: running after ${told['milliseconds'] ?? ''} ms; ${(told['analyze'] ?? '').split('\n')[0] ?? ''}\n`,
    );
  });

  it('boots to running, without a failed unit', () => {
    expect(told['failed']).toBe('');
    expect(told['state']).toBe('running');
    expect(Number(told['milliseconds'])).toBeLessThan(15_000);
  });

  it('has the network that Proxmox wrote, and follows when it is rewritten', () => {
    expect(told['address']).toBe('10.77.0.5');
    expect(told['routes']).toContain('default via 10.77.0.1');
    expect(told['addresses']).toMatch(/fd77:/);
    expect(told['rewritten']).toContain('10.77.0.9/24');
  });

  it('lets the right accounts in by key, and nobody else or otherwise', () => {
    expect(told['ssh cosmo']?.split('\n')[0]).toBe('cosmo');
    expect(told['ssh cosmo']).not.toMatch(/^root$/m);
    expect(told['ssh ctrl']).toBe('ctrl\nroot');
    expect(told['ssh wanda']).toMatch(/Permission denied/);
    expect(told['ssh root']).toMatch(/Permission denied/);
    expect(told['ssh-password']).toMatch(/Permission denied/);
  });

  it('runs the units that it should, and masks those that make no sense in a container', () => {
    expect(told['active']).toMatch(/^ssh\.service/m);
    expect(told['active']).toMatch(/^systemd-networkd\.service/m);
    expect(told['active']).toMatch(/^cron\.service/m);
    for (const unit of [
      'sys-kernel-config.mount',
      'sys-kernel-debug.mount',
      'systemd-modules-load.service',
      'ssh.socket',
    ]) {
      expect(told['masked']).toContain(unit);
    }
  });

  it('has the hardened network settings and the tmpfs mounts', () => {
    expect(told['sysctl']).toContain('net.ipv4.conf.all.accept_redirects = 0');
    expect(told['sysctl']).toContain('net.ipv4.conf.default.rp_filter = 1');
    expect(told['sysctl']).toContain('net.ipv4.tcp_syncookies = 1');
    expect(told['sysctl']).toContain('net.ipv4.conf.all.arp_ignore = 2');
    for (const mount of ['/tmp ', '/var/tmp ', '/dev/shm ', '/home/cosmo ', '/home/ctrl ']) {
      expect(told['mounts']).toContain(mount);
    }
  });

  it('has a machine id of its own', () => {
    expect(told['machine-id']).toMatch(/^[0-9a-f]{32}$/);
  });

  it('gets addresses by DHCP, too', async () => {
    const dhcp = await boot(image, 'dhcp');
    expect(dhcp['state']).toBe('running');
    expect(dhcp['address']).toMatch(/^10\.77\.0\.(1\d\d|200)$/);
    expect(dhcp['machine-id']).not.toBe(told['machine-id']);
  });
});
