import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseYaml } from '../../src/config/document.js';
import { importDisk, isDiskFile, type ImportedDisk } from '../../src/import/disk.js';
import { formatProblem, type Problem } from '../../src/errors.js';
import { imgbuild } from '../support/cli.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();

function imported(
  text: string,
): ImportedDisk & { readonly problems: readonly string[]; readonly said: readonly string[] } {
  const problems: Problem[] = [];
  const result = importDisk(parseYaml(text, 'disk.yml', problems), problems);
  return { ...result, problems: problems.map(formatProblem), said: result.notes.map(formatProblem) };
}

const VOLUMES = `volumes:
  - { name: boot, size: 1G, fstype: ext4 }
  - { name: root, size: 4G, fstype: btrfs }
`;
const ESP = '  - { name: esp, size: 100M, fstype: vfat }\n';
const OFF =
  'boot_raid: { enabled: 0 }\nroot_vg_raid: { enabled: false }\nroot_vg_luks: { enabled: no }\nsnapper: false\n';

describe('a disk file of the predecessor', () => {
  it('has the defaults that it had: BIOS and an MBR, 10G, vg0, snapper', () => {
    const { firmware, disk, problems } = imported(VOLUMES);
    expect(problems).toEqual([]);
    expect(firmware).toBe('bios');
    expect(disk).toEqual({
      table: 'mbr',
      size: '10G',
      partitions: [
        { name: 'BOOT', size: '1G', content: { type: 'filesystem', format: 'ext4', mountpoint: '/boot' } },
        {
          name: 'SYS',
          size: 'rest',
          content: {
            type: 'lvm',
            name: 'vg0',
            volumes: [
              {
                name: 'root',
                size: '4G',
                content: { type: 'filesystem', format: 'btrfs', mountpoint: '/', snapper: true },
              },
            ],
          },
        },
      ],
    });
  });

  it('has no arrays and no encryption unless it says so, and that is told', () => {
    const { said } = imported(VOLUMES);
    expect(said.filter((line) => line.includes('the predecessor had it on'))).toEqual([
      'disk.yml:1:1: there is no section boot_raid, so this array is off; the predecessor had it on',
      'disk.yml:1:1: there is no section root_vg_raid, so this array is off; the predecessor had it on',
      'disk.yml:1:1: there is no section root_vg_luks, so encryption is off; the predecessor had it on',
    ]);
    expect(imported(OFF + VOLUMES).said).toEqual([]);
  });

  it('has arrays and encryption where a section says so, even without a word of whether', () => {
    const { disk, said } = imported(
      `boot_raid: { name: b }\nroot_vg_raid: {}\nroot_vg_luks: { passphrase: verysecret, key_size: 256, pbkdf: pbkdf2 }\n${VOLUMES}`,
    );
    expect(disk['partitions']).toMatchObject([
      { content: { type: 'raid1', name: 'b', devices: 1, content: { mountpoint: '/boot' } } },
      {
        content: {
          type: 'raid1',
          name: '1',
          content: { type: 'luks', name: 'root_pv_crypt', keyBits: 256, pbkdf: 'pbkdf2', content: { type: 'lvm' } },
        },
      },
    ]);
    expect(JSON.stringify(disk) + said.join('')).not.toContain('verysecret');
    expect(said.join('\n')).toContain('disk.yml:3:29: root_vg_luks.passphrase: the passphrase is not copied');
  });

  it('has what is called esp, boot or swap in partitions, and all else in volumes', () => {
    const { disk, firmware } = imported(
      `boot_type: UEFI\n${OFF}${VOLUMES}${ESP}  - { name: more, size: 1G, fstype: swap, label: m }
  - { name: log, size: 1024, fstype: ext4, mnt_opts: 'noatime,nodev' }
  - { name: data, size: 2GB, fstype: vfat, mnt_dir: /srv/data, label: data }
  - { name: apt, size: 1G, fstype: ext4, enabled: 0 }\n`,
    );
    expect(firmware).toBe('uefi');
    expect(disk['table']).toBeUndefined();
    expect(disk['partitions']).toMatchObject([
      { name: 'ESP', type: 'esp', content: { mountpoint: '/boot/efi' } },
      { name: 'BOOT' },
      { name: 'MORE', content: { type: 'swap', label: 'm' } },
      {
        name: 'SYS',
        content: {
          volumes: [
            { name: 'root' },
            { name: 'log', size: 2 ** 30, content: { mountpoint: '/var/log', options: ['noatime', 'nodev'] } },
            { name: 'data', size: '2G', content: { label: 'DATA', mountpoint: '/srv/data' } },
          ],
        },
      },
    ]);
  });

  it('is told of what could not be brought over', () => {
    const { said } = imported(
      `frob: 1\nboot_raid: { metadata: '0.90', mdadm_uuid: u, homehost: h, nam: x }
root_vg_luks: { luks_type: luks1, cipher: aes-cbc-plain, integrity: hmac, hash: sha1, key_size: 128, passphrase: p }
root_vg_raid: { enabled: '0' }\n${VOLUMES}${ESP}`,
    );
    expect(said.map((line) => line.replace(/^disk\.yml:\d+:\d+: /, '').split(':')[0])).toEqual([
      'frob',
      'volumes[1]',
      'volumes',
      'boot_raid.nam',
      'boot_raid.mdadm_uuid',
      'boot_raid.metadata',
      'boot_raid.homehost',
      'root_vg_raid.enabled',
      'root_vg_luks.luks_type',
      'root_vg_luks.hash',
      'root_vg_luks.integrity',
      'root_vg_luks.cipher',
      'root_vg_luks.key_size',
      'root_vg_luks.passphrase',
    ]);
  });

  it.each([
    ['boot_type: efi\n' + VOLUMES, '"efi" is neither bios nor uefi'],
    ['boot_type: uefi\n' + VOLUMES, 'the volume esp is missing or not enabled'],
    ['volumes:\n  - { name: boot, size: 1G, fstype: ext4 }\n', 'the volume root is missing'],
    [VOLUMES + '  - { name: x, size: 1G, fstype: xfs }\n', '"xfs" is none of ext4, btrfs, vfat, swap'],
    [VOLUMES + '  - { name: x, size: 1G, fstype: ext4 }\n', 'the volume x has no mnt_dir'],
    [VOLUMES + '  - { name: log, size: 100%FREE, fstype: ext4 }\n', '"100%FREE" is not a size'],
    [VOLUMES + '  - { name: log, fstype: ext4 }\n', 'missing key "size"'],
    [VOLUMES + '  - log\n', 'a volume is a mapping'],
  ])('is refused with its place', (text, message) => {
    const { problems } = imported(text);
    expect(problems.join('\n')).toContain(message);
    for (const problem of problems) expect(problem).toMatch(/^disk\.yml:\d+:\d+: /);
  });

  it('is told from a layout of today', () => {
    expect(isDiskFile({ volumes: [] })).toBe(true);
    expect(isDiskFile({ partitions: [], volumes: [] })).toBe(false);
    expect(isDiskFile([])).toBe(false);
  });
});

describe('imgbuild import', () => {
  const file = path.join(directory, 'disk.yml');
  const out = path.join(directory, 'disk.yaml');

  it('writes a layout that passes today, and never over another file', async () => {
    writeFileSync(file, OFF + VOLUMES);
    expect(await imgbuild(['import', file, '--output', out])).toMatchObject({ code: 0, stdout: '' });
    expect(readFileSync(out, 'utf8')).toContain('disk.firmware: bios\n');
    expect((await imgbuild(['import', file, '--output', out])).stderr).toContain('exists already');
  });

  it('tells what is wrong with it by the rules of today', async () => {
    writeFileSync(file, `disk_size_root: 3G\n${OFF}${VOLUMES}`);
    const { code, stdout, stderr } = await imgbuild(['import', file]);
    expect(code).toBe(7);
    expect(stdout).toContain('size: 3G');
    expect(stderr).toMatch(/disk\.yaml:\d+:\d+: disk\.size: the disk has 3072 MiB, and \d+ MiB are needed/);
  });

  it('says what it does not read', async () => {
    writeFileSync(file, "OCONF_HOSTNAME='x'\n");
    expect((await imgbuild(['import', file])).stderr).toContain('it has no DBUILD_TARGET_COLLECTIONS');
    writeFileSync(file, 'disk: {}\n');
    expect((await imgbuild(['import', file])).stderr).toContain('no disk file');
  });
});
