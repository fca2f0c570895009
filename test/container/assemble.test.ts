import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { buildEnv, imagePath } from '../support/build.js';
import { reference } from '../support/caches.js';
import { imgbuild, type Outcome } from '../support/cli.js';
import { shell } from '../support/disk-image.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const at = (name: string): string => path.join(directory, name);

function assemble(...args: string[]): Promise<Outcome> {
  return imgbuild(['assemble', '--output', at('out'), ...args], { env: { ...buildEnv(), KEY: 'twelve bananas 77' } });
}

/** A tarball of what is in a new directory. */
async function tarball(name: string, fill: (root: string) => void): Promise<string> {
  const root = at(name);
  mkdirSync(root);
  fill(root);
  const file = at(`${name}.tar.zst`);
  await shell('tar --zstd --create --file="$2" --directory="$1" .', root, file);
  return file;
}

const LAYERS = `partitions:
  - { name: bios, type: bios-boot }
  - { name: boot, size: 512M, content: { type: raid1, content: { type: filesystem, format: ext4, mountpoint: /boot } } }
  - name: pv
    size: 4G
    content:
      type: luks
      passphrase: { env: KEY }
      content: { type: lvm, volumes: [{ name: root, size: 3G, content: { type: filesystem, format: btrfs, mountpoint: / } }] }
`;

beforeAll(() => {
  writeFileSync(at('layers.yaml'), LAYERS);
});

describe('imgbuild assemble', () => {
  it('names the packages that a layout needs and a root filesystem lacks, and makes nothing', async () => {
    const { code, stderr } = await assemble(imagePath(await reference()), '--layout', at('layers.yaml'));
    expect(code).toBe(2);
    const [, missing = ''] = /lacks what its disk needs: (.*)$/m.exec(stderr) ?? [];
    expect(missing.split(', ')).toEqual(
      expect.arrayContaining(['btrfs-progs', 'cryptsetup-initramfs', 'grub-pc', 'initramfs-tools', 'lvm2', 'mdadm']),
    );
    expect(stderr).toContain('hint: install them before it is packed');
    expect(await shell('find "$1" -name "*.raw*"', at('out'))).toBe('');
    expect(stderr).not.toContain('bananas');
  });

  it('tells what is wrong with a layout with its place, before anything starts', async () => {
    const tar = await tarball('some', () => undefined);
    writeFileSync(at('wrong.yaml'), 'partitions:\n  - { name: esp, type: esp }\n  - { name: root, size: 2X }\n');
    const bare = await assemble(tar, '--layout', at('wrong.yaml'));
    expect(bare.stderr).toContain('wrong.yaml:3:25: partitions[1].size: "2X" is not a size');
    writeFileSync(at('below.yaml'), 'disk:\n  partitions:\n  - { name: esp, type: esp }\n');
    const below = await assemble(tar, '--layout', at('below.yaml'));
    expect(below.stderr).toContain('below.yaml:2:3: disk: no file system is mounted at /');
    const unset = await imgbuild(['assemble', tar, '--layout', at('layers.yaml')], { env: buildEnv() });
    expect(unset.stderr).toContain('is to come from $KEY, which is not set');
    const firmware = await assemble(tar, '--set', 'disk.firmware=coreboot');
    expect(firmware.stderr).toContain('disk.firmware');
    expect([bare, below, unset, firmware].map(({ code }) => code)).toEqual([2, 2, 2, 2]);
  });

  it('refuses what is no Debian, and what leads out of itself', async () => {
    const other = await tarball('other', (root) => {
      mkdirSync(path.join(root, 'usr/lib'), { recursive: true });
      writeFileSync(path.join(root, 'usr/lib/os-release'), 'ID=alpine\n');
    });
    expect((await assemble(other)).stderr).toContain('the tarball holds a root filesystem of alpine');
    const link = await tarball('link', (root) => {
      symlinkSync('/', path.join(root, 'etc'));
    });
    expect((await assemble(link)).stderr).toContain('/etc in the tarball is a link');
    writeFileSync(at('broken.tar.zst'), 'no tar at all');
    const { code, stderr } = await assemble(at('broken.tar.zst'));
    expect(code).toBe(5);
    expect(stderr).toContain('unpacking the tarball failed');
  });
});
