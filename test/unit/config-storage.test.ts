import { describe, expect, it } from 'vitest';
import { loadProfile } from '../../src/config/load.js';
import { load, problemsOf, PROFILE, projectOf } from '../support/config.js';
import type { Leaf } from '../support/tree.js';

/** A collection for machines, and a profile with it. */
function machine(profile = '', collection = ''): Record<string, Leaf> {
  return {
    'program/collections/vm/collection.yaml': `description: Machines.
set: { disk.firmware: uefi }
outputs: [qcow2]
conditional:
  - { when: disk:uefi, packages: [grub-efi] }
  - { when: disk:bios, packages: [grub-pc] }
  - { when: [disk, '!disk:btrfs'], packages: [e2fsprogs] }
${collection}`,
    'user/profiles/p.yaml': `suite: bookworm
architecture: amd64
collections: [vm]
${profile}`,
  };
}

const TREE = `disk:
  partitions:
    - { type: esp, name: esp, size: 100M }
    - { name: root, size: 1G, content: { type: filesystem, format: btrfs, mountpoint: / } }
`;

describe('storage', () => {
  it('is none for a container', () => {
    expect(load({}).storage).toBeUndefined();
  });

  it('is the ready-made one when a collection asks for firmware', () => {
    const { storage, packages } = load(machine());
    expect(storage?.firmware).toBe('uefi');
    expect(storage?.disks.map((disk) => disk.partitions.map(({ name }) => name))).toEqual([['esp', 'root']]);
    expect(packages.extra).toEqual(['e2fsprogs', 'grub-efi']);
  });

  it('is the tree of the profile when there is one', () => {
    const { storage, packages } = load(machine(TREE));
    expect(storage?.disks[0]?.partitions[1]?.content).toMatchObject({ format: 'btrfs', mountpoint: '/' });
    expect(packages.extra).toEqual(['grub-efi']);
  });

  it('tells where a tree is impossible', () => {
    const wrong = TREE.replace('100M', 'much').replace('btrfs', 'btrf');
    expect(problemsOf(machine(wrong))).toEqual([
      expect.stringMatching(/p\.yaml:6:\d+: disk\.partitions\[0\]\.size: "much" is not a size/),
      expect.stringMatching(/p\.yaml:7:\d+: .*"btrf" is not one of .*did you mean "btrfs"/),
    ]);
    expect(problemsOf(machine(TREE.replace('mountpoint: /', 'mountpoint: /srv')))).toEqual([
      expect.stringMatching(/p\.yaml:\d+:\d+: disk.*/),
    ]);
  });

  it('needs something that starts it', () => {
    expect(problemsOf({ 'user/profiles/p.yaml': PROFILE + TREE })).toEqual([
      expect.stringContaining('option disk.firmware is none'),
    ]);
  });

  it('knows its conditions', () => {
    expect(problemsOf(machine('', '  - { when: disk:btrf, packages: [x1] }\n'))).toEqual([
      expect.stringContaining('nothing about the disk is called "disk:btrf" (did you mean "disk:btrfs"?)'),
    ]);
    expect(problemsOf(machine('', '  - { when: disk:swap=1, packages: [x1] }\n'))).toEqual([
      expect.stringContaining('"disk:swap" has no value'),
    ]);
  });
});

describe('outputs', () => {
  it('are those of the last collection that names some, of the profile, or asked for', () => {
    expect(load({}).outputs).toEqual(['tar.zst']);
    expect(load(machine()).outputs).toEqual(['qcow2']);
    expect(load(machine('outputs: [vhdx, ova]')).outputs).toEqual(['vhdx', 'ova']);
    expect(loadProfile(projectOf(machine('outputs: [vhdx]')), 'p', [], ['raw', 'raw']).outputs).toEqual(['raw']);
  });

  it('of disks need a disk', () => {
    expect(problemsOf({ 'user/profiles/p.yaml': `${PROFILE}outputs: [tar.zst, qcow2]\n` })).toEqual([
      expect.stringMatching(/p\.yaml:4:20: outputs\[1\]: qcow2 is made from a disk, and this profile has none/),
    ]);
    const asked = () => loadProfile(projectOf({ 'user/profiles/p.yaml': PROFILE }), 'p', [], ['vhdx']);
    expect(asked).toThrow(/--format.*vhdx is made from a disk/);
  });
});

describe('the largest disk of a format', () => {
  it.each([
    ['vhdx', '64T', '65T'],
    ['vhd', '2040G', '2041G'],
    ['vmdk', '62T', '63T'],
    ['ova', '62T', '63T'],
    ['qcow2', '70T', undefined],
  ])('%s', (format, fits, large) => {
    const of = (size: string): Record<string, Leaf> => machine(`outputs: [${format}]\noptions: { disk.size: ${size} }`);
    expect(problemsOf(of(fits))).toEqual([]);
    if (large === undefined) return;
    const message = `outputs\\[0\\]: ${format} holds at most ${fits.replace(/\D+/, ' $&iB')}, and the disk has`;
    expect(problemsOf(of(large))).toEqual([expect.stringMatching(message)]);
    const asked = () => loadProfile(projectOf(machine(`options: { disk.size: ${large} }`)), 'p', [], [format]);
    expect(asked).toThrow(`${format} holds at most`);
  });

  it('counts for formats of collections, too', () => {
    const files = {
      ...machine(),
      'program/collections/hv/collection.yaml': 'description: x\nrequires: [vm]\noutputs: [vhdx]\n',
      'user/profiles/p.yaml': 'suite: bookworm\narchitecture: amd64\ncollections: [hv]\noptions: { disk.size: 65T }\n',
    };
    expect(problemsOf(files)).toEqual([expect.stringMatching(/p\.yaml:3:1: collections: vhdx holds at most 64 TiB/)]);
  });
});

describe('identities', () => {
  const seed = (profile = ''): string => load(machine(profile)).seed;

  it('come from the profile and its layout, or from what the user gives', () => {
    expect(seed()).toBe(seed());
    expect(seed('options: { disk.rootSize: 3G }')).toBe(seed());
    expect(seed('options: { disk.seed: mine }')).not.toBe(seed());
    expect(seed('options: { disk.seed: mine }')).toBe(seed('options: { disk.seed: mine, disk.rootSize: 3G }'));
  });

  it('are new with each build on request', () => {
    expect(seed('options: { disk.seed: random }')).not.toBe(seed('options: { disk.seed: random }'));
  });
});

describe('hooks', () => {
  const hook = (text: string): Record<string, Leaf> => ({
    ...machine(),
    'program/collections/vm/hooks/customize/10-a.sh': text,
  });

  it('get the variables of the disk that they mention', () => {
    const { collections } = load(hook('echo "$DISK_ROOT_UUID ${DISK_ESP_ID}"\n# DISK_SWAP_UUID\n'));
    expect(collections.find(({ name }) => name === 'vm')?.hooks[0]?.disk).toEqual(['DISK_ESP_ID', 'DISK_ROOT_UUID']);
  });

  it('cannot mention others', () => {
    expect(problemsOf(hook('echo "$DISK_ROOT_UID"\n'))).toEqual([
      expect.stringMatching(/10-a\.sh:1:8: .*DISK_ROOT_UID tells nothing about the disk.*"DISK_ROOT_UUID"/),
    ]);
  });
});

describe('passphrases of encrypted layers', () => {
  const tree = (passphrase: string): string => `disk:
  - partitions:
      - { type: esp, name: esp, size: 100M }
      - { name: boot, size: 1G, content: { type: filesystem, format: ext4, mountpoint: /boot } }
      - name: root
        size: 2G
        content:
          type: raid1
          content: { type: luks, passphrase: ${passphrase}, content: { type: filesystem, format: ext4, mountpoint: / } }
`;

  it('are secrets with the name of the layer', () => {
    const { secrets, seed } = load(machine(tree('{ env: DISK_KEY }')));
    expect(secrets).toEqual({ 'disk.root_crypt': { env: 'DISK_KEY' } });
    expect(load(machine(tree('{ env: OTHER_KEY }'))).seed).toBe(seed);
  });

  it('have to be there', () => {
    expect(problemsOf(machine(tree('{}')))).toHaveLength(1);
    expect(problemsOf(machine(tree("''")))).toHaveLength(1);
  });
});
