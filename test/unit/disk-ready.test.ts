import { describe, expect, it } from 'vitest';
import type { Layer } from '../../src/config/layout.js';
import { fstabText } from '../../src/disk/tables.js';
import { planDisks } from '../../src/disk/plan.js';
import { leavesOf } from '../../src/disk/walk.js';
import { load, problemsOf } from '../support/config.js';

/** A profile with these options of the disk. */
const profile = (disk: string) => ({
  'user/profiles/p.yaml': `suite: bookworm\narchitecture: amd64\ncollections: [targets/lxc]\noptions:\n  disk: ${disk}\n`,
});

/** The layers on the way to each file system and swap space, as `root: raid luks lvm btrfs`. */
function shapes(disk: string): string[] {
  const { storage } = load(profile(disk));
  const lines = (layer: Layer, above: readonly string[]): string[] => {
    switch (layer.type) {
      case 'filesystem':
        return [[...above, `${layer.format} ${layer.mountpoint}`].join(' ')];
      case 'swap':
        return [[...above, 'swap'].join(' ')];
      case 'raid1':
      case 'luks':
        return lines(layer.content, [...above, layer.type]);
      case 'lvm':
        return layer.volumes.flatMap(({ name, content }) => lines(content, [...above, `lvm/${name}`]));
    }
  };
  return (storage?.disks ?? []).flatMap(({ table, partitions }) =>
    partitions.flatMap(({ name, type, content }) =>
      content === undefined ? [`${table} ${name}: ${type}`] : lines(content, [`${table} ${name}:`]),
    ),
  );
}

const LUKS = 'luks: { enable: true, passphrase: { env: KEY } }';

describe('ready-made disks', () => {
  it('nest arrays, encryption and volumes', () => {
    expect(
      shapes(
        `{ firmware: both, raid: true, ${LUKS}, lvm: true, rootFormat: btrfs, logSize: 1G, aptSize: 1G, swap: volume }`,
      ),
    ).toEqual([
      'gpt bios: bios-boot',
      'gpt esp: vfat /boot/efi',
      'gpt boot: raid1 ext4 /boot',
      'gpt root: raid1 luks lvm/log ext4 /var/log',
      'gpt root: raid1 luks lvm/apt ext4 /var/cache/apt',
      'gpt root: raid1 luks lvm/swap swap',
      'gpt root: raid1 luks lvm/root btrfs /',
    ]);
  });

  it('are plain partitions without them, in an MBR, too', () => {
    expect(shapes('{ firmware: bios, table: mbr, logSize: 1G, swap: partition }')).toEqual([
      'mbr swap: swap',
      'mbr log: ext4 /var/log',
      'mbr root: ext4 /',
    ]);
    expect(shapes('{ firmware: uefi, raid: true, swap: partition }')).toEqual([
      'gpt esp: vfat /boot/efi',
      'gpt swap: raid1 swap',
      'gpt root: raid1 ext4 /',
    ]);
  });

  const yesNo = [true, false];
  const every = (['bios', 'uefi', 'both'] as const).flatMap((firmware) =>
    (['gpt', 'mbr'] as const).flatMap((table) =>
      yesNo.flatMap((raid) =>
        yesNo.flatMap((luks) =>
          yesNo.flatMap((lvm) =>
            (['btrfs', 'ext4'] as const).map((format) => ({ firmware, table, raid, luks, lvm, format })),
          ),
        ),
      ),
    ),
  );

  it.each(every)('can be planned: %o', ({ firmware, table, raid, luks, lvm, format }) => {
    const more = `${luks ? `${LUKS}, ` : ''}${lvm ? 'swap: volume, logSize: 512M, ' : ''}`;
    const options = `{ ${more}firmware: ${firmware}, table: ${table}, raid: ${String(raid)}, lvm: ${String(lvm)}, rootFormat: ${format}, compression: zstd, snapper: true }`;
    const { storage, seed, secrets } = load(profile(options));
    expect(Object.keys(secrets)).toEqual(luks ? ['disk.root_crypt'] : []);
    if (storage === undefined) throw new Error('no storage');
    const plans = planDisks(storage, seed);
    const root = leavesOf(plans).find(({ data }) => data.type === 'filesystem' && data.mountpoint === '/');
    expect(root?.carriers.map(({ type }) => type)).toEqual([
      ...(raid ? ['raid1'] : []),
      ...(luks ? ['luks'] : []),
      ...(lvm ? ['lvm'] : []),
    ]);
    expect(root?.data).toMatchObject({ format, snapper: format === 'btrfs' });
    // However thick what is around it.
    expect(root?.data.bytes).toBe(2 ** 31);
    expect(fstabText(plans)).toContain(lvm ? '/dev/mapper/vg0-root / ' : `UUID=${root?.data.uuid ?? ''} / `);
    expect(root?.partition.number).toBe(plans[0]?.partitions.length);
  });

  it.each<[string, string, string]>([
    [
      'encryption without a passphrase',
      '{ firmware: uefi, luks: { enable: true } }',
      '5:43: options.disk.luks.enable: encrypted storage needs a passphrase (set disk.luks.passphrase: { env: DISK_PASSPHRASE })',
    ],
    [
      'swap in clear beside encryption',
      `{ firmware: uefi, swap: partition, ${LUKS} }`,
      '5:33: options.disk.swap: swap outside of the encrypted storage would hold in clear what is encrypted there (set disk.swap: volume with disk.lvm: true, or none)',
    ],
    [
      'logs in clear beside encryption',
      `{ firmware: uefi, logSize: 1G, ${LUKS} }`,
      '5:36: options.disk.logSize: without a volume group this would be a partition outside of the encrypted storage (set disk.lvm: true)',
    ],
    [
      'a volume without a group',
      '{ firmware: uefi, swap: volume }',
      '5:33: options.disk.swap: there is no volume group for swap to be a volume of (set disk.lvm: true, or disk.swap: partition)',
    ],
    [
      'a group that LVM refuses',
      '{ firmware: uefi, lvm: true, volumeGroup: -x }',
      '5:51: options.disk.volumeGroup: "-x" cannot be the name of a volume group (up to 56 letters, digits, dots, dashes and underscores)',
    ],
    [
      'more partitions than an MBR has',
      '{ firmware: both, table: mbr, separateBoot: true, swap: partition, logSize: 1G }',
      '5:34: options.disk.table: 5 partitions do not fit in a table of 4 (use table: gpt)',
    ],
    [
      'a disk that is too small',
      '{ firmware: uefi, size: 1G, lvm: true }',
      '5:33: options.disk.size: the disk has 1024 MiB, and 2151 MiB are needed: esp 100 MiB, root 2049 MiB, partition table 2 MiB',
    ],
    [
      'too little work for argon2',
      `{ firmware: uefi, luks: { enable: true, passphrase: { env: KEY }, iterations: 3 } }`,
      '5:87: options.disk.luks.iterations: argon2 takes no less than 4 (leave it at 0 for a good number)',
    ],
    [
      'too small a root',
      '{ firmware: uefi, rootFormat: btrfs, rootSize: 64M }',
      '5:56: options.disk.rootSize: partition "root" has 64 MiB, and btrfs needs 109 MiB',
    ],
  ])('are refused with the option that is wrong: %s', (_, options, problem) => {
    expect(problemsOf(profile(options))).toEqual([expect.stringContaining(problem)]);
  });

  it('are judged by what the command line says, too', () => {
    expect(problemsOf(profile('{ firmware: uefi }'), ['disk.luks.enable=true'])).toEqual([
      expect.stringContaining('encrypted storage needs a passphrase'),
    ]);
    expect(
      load(profile(`{ firmware: uefi }`), ['disk.luks.enable=true', 'disk.luks.passphrase=env:KEY']).secrets,
    ).toEqual({
      'disk.root_crypt': { env: 'KEY' },
    });
  });

  it('take no passphrase that they do not need', () => {
    expect(load(profile('{ firmware: uefi, luks.passphrase: { env: KEY } }')).secrets).toEqual({});
  });
});
