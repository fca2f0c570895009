import { describe, expect, it } from 'vitest';
import { DISK_VARIABLES } from '../../src/config/layout-uses.js';
import type { Storage } from '../../src/config/layout.js';
import { crypttabText, diskFacts, fstabText, mdadmText } from '../../src/disk/facts.js';
import { planDisks } from '../../src/disk/plan.js';
import { leavesOf } from '../../src/disk/walk.js';
import { MIB } from '../support/disk-plans.js';
import { filesystem, swap, uefi } from '../support/disk-layouts.js';

const ROOT = { name: 'root', type: 'root', size: 2048 * MIB, content: filesystem('ext4', '/') } as const;

/** ESP, /boot on an array, and an encrypted array with volumes, among them a btrfs root. */
const FULL = uefi([
  {
    name: 'boot',
    type: 'raid',
    size: 512 * MIB,
    content: { type: 'raid1', name: 'boot', devices: 2, content: filesystem('ext4', '/boot') },
  },
  {
    name: 'system',
    type: 'raid',
    size: 4096 * MIB,
    content: {
      type: 'raid1',
      name: 'system',
      devices: 2,
      content: {
        type: 'luks',
        name: 'system_crypt',
        cipher: 'aes-xts-plain64',
        keyBits: 512,
        sectorSize: 512,
        pbkdf: 'argon2id',
        pbkdfMemory: 65_536,
        pbkdfIterations: 4,
        content: {
          type: 'lvm',
          name: 'my-vg',
          volumes: [
            {
              name: 'root',
              size: 1024 * MIB,
              content: filesystem('btrfs', '/', { compression: 'zstd', snapper: true }),
            },
            { name: 'swap-1', size: 256 * MIB, content: swap },
            { name: 'log', size: 'rest', content: filesystem('ext4', '/var/log') },
          ],
        },
      },
    },
  },
]);

/** Text with the UUIDs of a plan by the names of what they belong to. */
function named(storage: Storage, text: string): string {
  const plans = planDisks(storage, 'seed');
  return leavesOf(plans).reduce((all, { data }) => {
    const name = data.type === 'swap' ? 'SWAP' : data.mountpoint;
    return all.replaceAll(data.uuid, `<${name}>`);
  }, text);
}

const fstab = (storage: Storage): string[] =>
  named(storage, fstabText(planDisks(storage, 'seed')))
    .trimEnd()
    .split('\n')
    .slice(1);

describe('fstab', () => {
  it('of a simple machine', () => {
    expect(fstab(uefi([ROOT]))).toEqual([
      'UUID=</> / ext4 relatime,discard,errors=remount-ro 0 1',
      'UUID=</boot/efi> /boot/efi vfat umask=0077 0 2',
    ]);
  });

  it('names volumes by name, and has what must not be missing for btrfs', () => {
    expect(fstab(FULL)).toEqual([
      '/dev/mapper/my--vg-root / btrfs relatime,compress=zstd,subvol=@rootfs 0 0',
      '/dev/mapper/my--vg-root /.snapshots btrfs relatime,compress=zstd,subvol=@snapshots 0 0',
      'UUID=</boot> /boot ext4 relatime,nodev,nosuid 0 2',
      'UUID=</boot/efi> /boot/efi vfat umask=0077 0 2',
      '/dev/mapper/my--vg-log /var/log ext4 relatime,nodev,nosuid,noexec 0 2',
      '/dev/mapper/my--vg-swap--1 none swap sw,nofail 0 0',
    ]);
  });

  it('has swap of a second disk, without which the machine starts all the same', () => {
    const second = {
      name: 'swap',
      table: 'gpt',
      partitions: [{ name: 'swap', type: 'swap', size: 64 * MIB, content: swap }],
    } as const;
    const storage = uefi([ROOT]);
    expect(fstab({ ...storage, disks: [...storage.disks, second] }).at(-1)).toBe(
      'UUID=<SWAP> none swap sw,nofail,discard=once 0 0',
    );
  });

  it('takes the options of the profile instead of the usual ones', () => {
    const data = { name: 'd', type: 'linux', size: 128 * MIB } as const;
    const content = filesystem('btrfs', '/srv/my data', { options: ['noatime', 'nofail'] });
    expect(fstab(uefi([ROOT, { ...data, content }])).at(-1)).toBe(
      'UUID=</srv/my data> /srv/my\\040data btrfs noatime,nofail,subvol=@ 0 0',
    );
  });
});

describe('crypttab and mdadm.conf', () => {
  it('are empty without anything for them', () => {
    const plans = planDisks(uefi([ROOT]), 'seed');
    expect([crypttabText(plans), mdadmText(plans)]).toEqual(['', '']);
  });

  it('name each container and array once, by the UUIDs of the plan', () => {
    const plans = planDisks(FULL, 'seed');
    const [, boot, system] = plans[0]?.partitions.map(({ content }) => content) ?? [];
    if (boot?.type !== 'raid1' || system?.type !== 'raid1' || system.content.type !== 'luks') throw new Error('shape');
    const lines = (text: string): string[] => text.trimEnd().split('\n').slice(1);
    expect(lines(crypttabText(plans))).toEqual([`system_crypt UUID=${system.content.uuid} none luks,initramfs`]);
    const words = (uuid: string): string => uuid.replaceAll('-', '').replace(/(.{8})(?=.)/g, '$1:');
    expect(lines(mdadmText(plans)).slice(1)).toEqual([
      `ARRAY /dev/md/boot metadata=1.2 UUID=${words(boot.uuid)}`,
      `ARRAY /dev/md/system metadata=1.2 UUID=${words(system.uuid)}`,
    ]);
  });
});

describe('what hooks are told', () => {
  const facts = (storage: Storage) =>
    Object.fromEntries(
      Object.entries(diskFacts(storage, planDisks(storage, 'seed'))).map(([name, value]) => [
        name,
        named(storage, value),
      ]),
    );

  it('is every variable that they may mention, and no other', () => {
    expect(Object.keys(facts(FULL)).sort()).toEqual([...DISK_VARIABLES].sort());
  });

  it('of a simple machine', () => {
    expect(facts(uefi([ROOT]))).toMatchObject({
      DISK_FIRMWARE: 'uefi',
      DISK_ROOT_UUID: '</>',
      DISK_ROOT_SOURCE: 'UUID=</>',
      DISK_ROOT_FORMAT: 'ext4',
      DISK_ROOT_FLAGS: '',
      DISK_ROOT_BYTES: String(2048 * MIB),
      DISK_ROOT_LAYERS: '',
      DISK_ROOT_OUTER: '</>',
      DISK_BOOT_UUID: '</>',
      DISK_BOOT_PREFIX: '/boot',
      DISK_ESP_UUID: '</boot/efi>',
      DISK_SWAP_UUID: '',
      DISK_GRUB_MODULES: 'part_gpt ext2',
      DISK_SNAPPER: 'false',
    });
  });

  it('of one with every layer', () => {
    const outer = planDisks(FULL, 'seed')[0]?.partitions[2]?.content;
    expect(facts(FULL)).toMatchObject({
      DISK_ROOT_BYTES: String(1024 * MIB),
      DISK_ROOT_LAYERS: 'raid1 luks lvm',
      DISK_ROOT_OUTER: outer?.type === 'raid1' ? outer.uuid : 'no array',
      DISK_ROOT_SOURCE: '/dev/mapper/my--vg-root',
      DISK_ROOT_FORMAT: 'btrfs',
      DISK_ROOT_FLAGS: 'subvol=@rootfs',
      DISK_BOOT_UUID: '</boot>',
      DISK_BOOT_FORMAT: 'ext4',
      DISK_BOOT_PREFIX: '',
      DISK_SWAP_UUID: '<SWAP>',
      DISK_GRUB_MODULES: 'part_gpt mdraid1x ext2',
      DISK_SNAPPER: 'true',
    });
  });

  it('of one whose volume group lies in a partition, as blkid writes its id', () => {
    const volumes = [{ name: 'root', size: 'rest', content: filesystem('ext4', '/') }] as const;
    const content = { type: 'lvm', name: 'vg0', volumes } as const;
    expect(facts(uefi([{ name: 'root', type: 'lvm', size: 2048 * MIB, content }]))).toMatchObject({
      DISK_ROOT_LAYERS: 'lvm',
      DISK_ROOT_OUTER: expect.stringMatching(/^\w{6}(-\w{4}){5}-\w{6}$/) as string,
    });
  });

  it('of one whose kernel lies in a subvolume', () => {
    const root = { ...ROOT, content: filesystem('btrfs', '/') };
    expect(facts(uefi([root]))).toMatchObject({
      DISK_BOOT_PREFIX: '/@rootfs/boot',
      DISK_GRUB_MODULES: 'part_gpt btrfs',
    });
  });
});
