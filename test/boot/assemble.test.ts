import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { build, buildEnv, type Built } from '../support/build.js';
import { CHECKOUT, imgbuild } from '../support/cli.js';
import { tableOf, tool } from '../support/disk-image.js';
import { testKey } from '../support/key.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const at = (name: string): string => path.join(directory, name);

const LAYOUT = `partitions:
  - { name: esp, type: esp }
  - { name: kernels, size: 300M, content: { type: filesystem, format: ext4, mountpoint: /boot } }
  - { name: log, size: 200M, content: { type: filesystem, format: ext4, mountpoint: /var/log } }
  - { name: system, size: 2G, content: { type: filesystem, format: ext4, mountpoint: / } }
`;

it('a tarball gets other disks than it was made for', async () => {
  // The tree of the machine for KVM that is built for other tests anyway.
  const profile = at('deb12-amd64-kvm-vm.yaml');
  const key = `options: { login: { authorizedKeys: ['${testKey().line}'] } }`;
  writeFileSync(profile, `extends: ${CHECKOUT}/profiles/examples/deb12/deb12-amd64-kvm.yaml\n${key}\n`);
  const tree = await build([profile, '--format', 'tar.zst', '--output', at('out')]);
  const tarball = path.join(at('out'), tree.results[0]?.files[0]?.path ?? '');
  writeFileSync(at('layout.yaml'), LAYOUT);

  const args = [
    '--layout',
    at('layout.yaml'),
    '--name',
    'assembled',
    '--format',
    'raw',
    '--output',
    at('out'),
    '--set',
    'boot.serial=ttyS0,115200',
  ];
  const { code, stdout, stderr } = await imgbuild(['assemble', '--json', tarball, ...args], { env: buildEnv() });
  expect(code, stderr).toBe(0);
  const files = (JSON.parse(stdout) as Built).results[0]?.files.map((file) => path.join(at('out'), file.path)) ?? [];
  const image = files.find((name) => name.endsWith('.raw')) ?? '';
  const manifest = JSON.parse(readFileSync(files.find((name) => name.endsWith('.manifest.json')) ?? '', 'utf8')) as {
    archive: readonly { uri: string; sha256: string }[];
  };
  expect(manifest.archive).toEqual([{ uri: path.basename(tarball), sha256: tree.results[0]?.files[0]?.sha256 }]);
  await tool(['sh', '-c', 'cd "$1" && sha256sum --check --quiet SHA256SUMS', 'check', path.dirname(image)]);

  const { partitions } = tableOf(image);
  const inside = async (n: number, file: string): Promise<string> =>
    await tool(['debugfs', '-R', `cat ${file}`, `${image}?offset=${String(partitions[n]?.start)}`]);
  const uuid = async (n: number): Promise<string> => {
    const offset = String(partitions[n]?.start);
    return (await tool(['blkid', '-p', '-O', offset, '-o', 'value', '-s', 'UUID', image])).trim();
  };
  const fstab = await inside(3, '/etc/fstab');
  for (const [n, mountpoint] of [
    [0, '/boot/efi'],
    [1, '/boot'],
    [2, '/var/log'],
    [3, '/'],
  ] as const) {
    expect(fstab).toContain(`UUID=${await uuid(n)} ${mountpoint} `);
  }
  // What is about no disk stays, and the old swap does not.
  expect(fstab).toMatch(/^tmpfs \/tmp tmpfs /m);
  expect(fstab).not.toMatch(/ swap /);
  expect(stderr).toMatch(/no place for this line of \/etc\/fstab: UUID=\S+ none swap/);
  expect(await inside(1, '/grub/grub.cfg')).toContain(`set source="UUID=${await uuid(3)}"`);
  // What the system had there is not known: it is asked for, as in a profile.
  expect(await inside(1, '/grub/grub.cfg')).toContain('console=ttyS0,115200');
});
