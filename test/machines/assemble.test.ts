import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { build, buildEnv, type Built } from '../support/build.js';
import { CHECKOUT, imgbuild } from '../support/cli.js';
import { PASSPHRASE, PASSWORD, tryDisk } from '../support/hardware.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const at = (name: string): string => path.join(directory, name);

it('a tarball of a machine without layers gets arrays, encryption and volumes, and starts from them', async () => {
  writeFileSync(
    at('tree.yaml'),
    `extends: ${CHECKOUT}/profiles/examples/deb12/deb12-amd64-hardware-bios.yaml
outputs: [tar.zst]
packages: [mdadm, cryptsetup-initramfs, lvm2]
options: { rootPassword: ${PASSWORD}, disk: { lvm: false, rootFormat: ext4, swap: none, logSize: 0 } }
`,
  );
  const tree = await build([at('tree.yaml'), '--output', at('out')]);
  const tarball = path.join(at('out'), tree.results[0]?.files[0]?.path ?? '');
  const values = {
    'disk.firmware': 'bios',
    'disk.rootFormat': 'ext4',
    'disk.separateBoot': 'true',
    'disk.bootSize': '256M',
    'disk.rootSize': '2G',
    'disk.logSize': '64M',
    'disk.swap': 'volume',
    'disk.swapSize': '64M',
    'disk.lvm': 'true',
    'disk.raid': 'true',
    'disk.luks.enable': 'true',
    'disk.luks.memory': '32M',
    'disk.luks.passphrase': 'env:TRIAL_PASSPHRASE',
    'boot.serial': 'ttyS0,115200',
    'boot.cmdline': 'mitigations=off cryptomgr.notests',
  };
  const set = Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const args = ['assemble', '--json', tarball, '--name', 'layered', '--format', 'raw', '--output', at('out'), ...set];
  const { code, stdout, stderr } = await imgbuild(args, { env: { ...buildEnv(), TRIAL_PASSPHRASE: PASSPHRASE } });
  expect(code, stderr).toBe(0);
  expect(`${stdout}${stderr}`).not.toContain(PASSPHRASE);
  const image = (JSON.parse(stdout) as Built).results[0]?.files.find((file) => file.path.endsWith('.raw'))?.path ?? '';
  await tryDisk(
    { example: 'layered', root: 'ext4', raid: true, luks: true, bus: 'virtio-blk', firmware: ['bios', 'bios'] },
    path.join(at('out'), image),
    directory,
  );
});
