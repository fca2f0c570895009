import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { tableOf, tool } from '../support/disk-image.js';
import { testKey } from '../support/key.js';
import { scratch } from '../support/scratch.js';
import { machineFrom, verifyBoot } from '../support/vm.js';

const directory = scratch();
const at = (name: string): string => path.join(directory, name);
const ABSENT = '01234567-89ab-cdef-0123-456789abcdef';

it('a machine whose fstab names what is not there is told with the units that fail by it', async () => {
  // The machine that other tests boot, with one more line in its fstab.
  const lines = `options: { login: { authorizedKeys: ['${testKey().line}'] } }\n`;
  const image = await machineFrom('deb12-amd64-kvm', lines, '.qcow2', { directory, output: at('out') });
  const disk = at('broken.raw');
  await tool(['qemu-img', 'convert', '-O', 'raw', image, disk]);
  const root = tableOf(disk).partitions.at(-1);
  const system = `${disk}?offset=${String(root?.start)}`;
  const fstab = await tool(['debugfs', '-R', 'cat /etc/fstab', system]);
  writeFileSync(at('fstab'), `${fstab}UUID=${ABSENT} /srv ext4 x-systemd.device-timeout=15 0 2\n`);
  writeFileSync(at('commands'), `cd /etc\nrm fstab\nwrite ${at('fstab')} fstab\n`);
  await tool(['debugfs', '-w', '-f', at('commands'), system]);
  expect(await tool(['debugfs', '-R', 'cat /etc/fstab', system])).toContain(ABSENT);

  const { boots } = await verifyBoot([disk]);
  const [report] = boots;
  expect(report?.boots.map(({ name, seconds }) => [name, seconds.booted])).toEqual([
    ['first', undefined],
    ['other', undefined],
  ]);
  const found = (report?.findings ?? []).filter(({ where }) => where === 'first boot');
  const told = found.map(({ id, message }) => `${id} ${message}`);
  expect(told[0]).toBe('BOOT-001 systemd ends in emergency mode');
  expect(told).toContainEqual(expect.stringMatching(/^BOOT-003 dev-disk-by\\x2duuid-01234567.*Timed out/));
  expect(told).toContainEqual(expect.stringMatching(/^BOOT-003 srv\.mount was not started: Dependency failed/));
  // What was made before the emergency came is told as ever.
  expect(report?.boots[0]?.facts?.release).toMatch(/bookworm/);
});
