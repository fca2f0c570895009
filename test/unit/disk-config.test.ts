import { describe, expect, it } from 'vitest';
import { checkStorage } from '../../src/config/layout-check.js';
import type { Partition, Storage } from '../../src/config/layout.js';
import { load, PROFILE, problemsOf } from '../support/config.js';
import { MIB } from '../support/disk-plans.js';
import { filesystem, swap, uefi } from '../support/disk-layouts.js';

/** The profile `p` with the lines of a disk tree. */
const withDisk = (...lines: string[]) => ({
  'user/profiles/p.yaml': `${PROFILE}options: { disk.firmware: uefi }\ndisk:\n${lines.map((line) => `  ${line}\n`).join('')}`,
});

const ROOT_LINE = '- { name: root, size: 2G, content: { type: filesystem, format: ext4, mountpoint: / } }';
const ESP_LINE = '- { name: esp, type: esp }';

const problems = (...lines: string[]): string[] =>
  problemsOf(withDisk(...lines)).map((line) => line.replace('profiles/p.yaml:', ''));

describe('the disk tree of a profile', () => {
  it('may leave out what is usual', () => {
    const config = load(
      withDisk(
        'size: 10G',
        'partitions:',
        `  ${ESP_LINE}`,
        '  - { name: boot, size: 512M, content: { type: raid1, content: { type: filesystem, format: ext4, mountpoint: /boot } } }',
        '  - { name: swap, type: swap, size: 1G }',
        '  - name: root',
        '    content:',
        '      type: luks',
        '      passphrase: { env: KEY }',
        '      content: { type: lvm, volumes: [{ name: root, size: rest, content: { type: filesystem, format: btrfs, mountpoint: / } }] }',
      ),
    );
    expect(config.storage).toMatchObject({
      firmware: 'uefi',
      disks: [
        {
          name: 'rootfs',
          table: 'gpt',
          size: 10 * 1024 * MIB,
          partitions: [
            {
              name: 'esp',
              type: 'esp',
              size: 100 * MIB,
              content: { format: 'vfat', mountpoint: '/boot/efi', label: 'ESP' },
            },
            { name: 'boot', type: 'raid', content: { name: 'boot', devices: 2, content: { label: 'boot' } } },
            { name: 'swap', type: 'swap', size: 1024 * MIB, content: { type: 'swap', label: 'swap' } },
            {
              name: 'root',
              type: 'luks',
              size: 'rest',
              content: { name: 'root_crypt', pbkdf: 'argon2id', content: { name: 'vg0', volumes: [{ size: 'rest' }] } },
            },
          ],
        },
      ],
    });
    expect(JSON.stringify(config.storage)).not.toContain('KEY');
  });

  it('may be a list of disks', () => {
    const { storage } = load(
      withDisk(
        '- partitions:',
        `    ${ESP_LINE}`,
        `    ${ROOT_LINE}`,
        '- partitions: [{ name: data, size: 1G, content: { type: filesystem, format: ext4, mountpoint: /srv } }]',
      ),
    );
    expect(storage?.disks.map(({ name }) => name)).toEqual(['rootfs', 'disk2']);
  });

  it.each<[string, string[], string[]]>([
    [
      'an unknown key, with the nearest one',
      ['partitons: []'],
      [
        '6:3: disk: missing key "partitions"',
        '6:3: disk.partitons: unknown key "partitons" (did you mean "partitions"?)',
      ],
    ],
    [
      'an unknown file system',
      ['partitions:', '  - { name: root, size: 2G, content: { type: filesystem, format: ext5, mountpoint: / } }'],
      ['7:68: disk.partitions[0].content.format: "ext5" is not one of ext4, btrfs, vfat (did you mean "ext4"?)'],
    ],
    [
      'a size that is none',
      ['partitions:', '  - { name: root, size: 2X }'],
      ['7:27: disk.partitions[0].size: "2X" is not a size, such as 512M or 10G, nor "rest"'],
    ],
    [
      'a size of nothing',
      ['size: 0', `partitions: []`],
      ['6:9: disk.size: 0 is not a size, such as 512M or 10G', '7:15: disk.partitions: must have at least one entry'],
    ],
    [
      'layers in an order that cannot be',
      [
        'partitions:',
        '  - { name: a, size: 1G, content: { type: lvm, volumes: [{ name: b, size: rest, content: { type: raid1 } }] } }',
      ],
      ['7:100: disk.partitions[0].content.volumes[0].content.type: "raid1" cannot be here, only filesystem, swap'],
    ],
    [
      'a mountpoint that is no path',
      ['partitions:', '  - { name: root, size: 2G, content: { type: filesystem, format: ext4, mountpoint: /a/../b } }'],
      ['7:86: disk.partitions[0].content.mountpoint: "/a/../b" is not an absolute path such as /var/log'],
    ],
    [
      'two file systems at one place, in a list of disks',
      ['- partitions:', `    ${ESP_LINE}`, `    ${ROOT_LINE}`, `- partitions: [${ROOT_LINE.slice(2)}]`],
      [
        '9:97: disk[1].partitions[0].content.mountpoint: / is mounted from partition "root" already (each mountpoint once)',
      ],
    ],
    [
      'a missing ESP',
      ['partitions:', `  ${ROOT_LINE}`],
      [
        '7:5: disk.partitions: UEFI firmware finds nothing to start: there is no partition of type esp (add { name: esp, type: esp, size: 100M })',
      ],
    ],
  ])('is told about %s', (_, lines, expected) => {
    expect(problems(...lines)).toEqual(expected);
  });

  it('needs a firmware', () => {
    const [problem] = problemsOf({
      'user/profiles/p.yaml': `${PROFILE}disk: { partitions: [${ROOT_LINE.slice(2)}] }\n`,
    });
    expect(problem).toContain('option disk.firmware is none');
  });
});

const ROOT: Partition = { name: 'root', type: 'root', size: 2048 * MIB, content: filesystem('ext4', '/') };
const part = (name: string, content: Partition['content'], size: Partition['size'] = 128 * MIB): Partition => ({
  name,
  type: 'linux',
  size,
  ...(content === undefined ? {} : { content }),
});
const faults = (storage: Storage): string[] => checkStorage(storage).map(({ message }) => message);
const bios = (...partitions: Partition[]): Storage => ({
  firmware: 'bios',
  disks: [{ name: 'rootfs', table: 'gpt', partitions }],
});
const mbr = (...partitions: Partition[]): Storage => ({
  firmware: 'bios',
  disks: [{ name: 'rootfs', table: 'mbr', partitions }],
});
const lvm = (...volumes: [string, number | 'rest'][]): Partition['content'] => ({
  type: 'lvm',
  name: 'vg0',
  volumes: volumes.map(([name, size]) => ({ name, size, content: swap })),
});

describe('checkStorage', () => {
  it('finds nothing wrong with a simple machine', () => {
    expect(faults(uefi([ROOT]))).toEqual([]);
  });

  it.each<[string, Storage, string[]]>([
    ['no root', uefi([part('a', filesystem('ext4', '/srv'))]), ['no file system is mounted at /']],
    [
      'one mountpoint twice',
      uefi([ROOT, part('b', filesystem('ext4', '/'))]),
      ['/ is mounted from partition "root" already'],
    ],
    [
      'GPT and BIOS without a place for GRUB',
      bios(ROOT),
      ['BIOS firmware finds nothing to start: GRUB needs a partition of type bios-boot on GPT'],
    ],
    ['MBR and BIOS', mbr(ROOT), []],
    [
      'an MBR with bios-boot',
      mbr({ name: 'b', type: 'bios-boot', size: MIB }, ROOT),
      ['an MBR has room for GRUB in front of the first partition, and no type bios-boot'],
    ],
    [
      'too many partitions for an MBR',
      mbr(ROOT, ...['a', 'b', 'c', 'd'].map((name) => part(name, swap))),
      ['5 partitions do not fit in a table of 4'],
    ],
    [
      'an MBR beyond its reach',
      { firmware: 'bios', disks: [{ name: 'rootfs', table: 'mbr', size: 3 * 2 ** 40, partitions: [ROOT] }] },
      ['an MBR reaches no further than 2 TiB, and the disk has 3145728 MiB'],
    ],
    [
      'a disk that is too small, with who needs what',
      uefi([ROOT, part('data', filesystem('ext4', '/srv'), 'rest')], { size: 2100 * MIB }),
      ['the disk has 2100 MiB, and 2158 MiB are needed: esp 100 MiB, root 2048 MiB, data 8 MiB, partition table 2 MiB'],
    ],
    [
      'two that want the rest',
      uefi([{ ...ROOT, size: 'rest' }, part('data', swap, 'rest')], { size: 9000 * MIB }),
      ['only one partition can have what the others leave'],
    ],
    [
      'the rest of a disk without a size',
      uefi([{ ...ROOT, size: 'rest' }]),
      ['partition "root" is to have what the others leave, and the disk has no size'],
    ],
    ['the rest of such a disk for volumes that have sizes', uefi([ROOT, part('pv', lvm(['a', 64 * MIB]), 'rest')]), []],
    [
      'volumes that do not fit',
      uefi([ROOT, part('pv', lvm(['a', 60 * MIB], ['b', 65 * MIB]), 128 * MIB)]),
      [
        'partition "pv" leaves 128 MiB to volume group "vg0", which needs 129 MiB: a 60 MiB, b 68 MiB, its own data 1 MiB',
      ],
    ],
    [
      'file systems below their least',
      uefi([
        { ...ROOT, content: filesystem('btrfs', '/'), size: 100 * MIB },
        part('v', filesystem('vfat', '/mnt/v'), 33 * MIB),
      ]),
      ['partition "root" has 100 MiB, and btrfs needs 109 MiB', 'partition "v" has 33 MiB, and vfat needs 34 MiB'],
    ],
    [
      'an ESP in an array',
      {
        firmware: 'uefi',
        disks: [
          {
            name: 'rootfs',
            table: 'gpt',
            partitions: [
              {
                name: 'esp',
                type: 'esp',
                size: 128 * MIB,
                content: { type: 'raid1', name: 'esp', devices: 2, content: filesystem('vfat', '/boot/efi') },
              },
              ROOT,
            ],
          },
        ],
      },
      ['partition "esp" of type esp must hold vfat, and that directly'],
    ],
    [
      'an encrypted kernel',
      uefi([
        {
          ...ROOT,
          content: {
            type: 'luks',
            name: 'c',
            cipher: 'aes-xts-plain64',
            keyBits: 512,
            sectorSize: 512,
            pbkdf: 'argon2id',
            pbkdfMemory: 65_536,
            pbkdfIterations: 4,
            content: filesystem('ext4', '/'),
          },
        },
      ]),
      ['GRUB cannot read the kernel from encrypted storage'],
    ],
    [
      'a kernel on a disk that does not boot',
      {
        firmware: 'uefi',
        disks: [...uefi([]).disks, { name: 'b', table: 'gpt', partitions: [ROOT] }],
      },
      ['/ holds the kernel and must be on the first disk, which boots'],
    ],
    [
      'vfat for what needs owners',
      uefi([ROOT, part('home', filesystem('vfat', '/home'))]),
      ['vfat cannot be mounted at /home: it knows no owners, permissions and links'],
    ],
    [
      'mountpoints that come too late',
      uefi([ROOT, part('etc', filesystem('ext4', '/etc'))]),
      ['/etc cannot be a file system of its own: /etc is there before anything is mounted'],
    ],
    [
      'what ext4 does not do',
      uefi([{ ...ROOT, content: filesystem('ext4', '/', { compression: 'zstd', snapper: true }) }]),
      ['ext4 does not compress', 'ext4 has no snapshots'],
    ],
    [
      'names and labels that are too long',
      uefi([
        { ...ROOT, content: filesystem('ext4', '/', { label: 'x'.repeat(17) }) },
        part('n'.repeat(37), { type: 'swap', label: 's'.repeat(16) }),
        part('v', filesystem('vfat', '/mnt/v', { label: 'esp' })),
      ]),
      [
        `the label "${'x'.repeat(17)}" has 17 bytes, and ext4 takes 16`,
        `"${'n'.repeat(37)}" is longer than the 36 characters of a GPT`,
        `the label "${'s'.repeat(16)}" has 16 bytes, and swap takes 15`,
        'the label "esp" has characters that vfat does not take',
      ],
    ],
    [
      'names that are there twice, or not for LVM',
      uefi([ROOT, part('root', lvm(['a', 4 * MIB], ['a', 4 * MIB], ['snapshot1', 4 * MIB], ['b c', 'rest']))]),
      [
        'there is another partition "root"',
        'there is another volume "a"',
        'LVM keeps the name "snapshot1" for itself',
        '"b c" cannot be the name of a volume',
      ],
    ],
  ])('finds %s', (_, storage, expected) => {
    expect(faults(storage)).toEqual(expected);
  });
});
