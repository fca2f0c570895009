/*
 * Layouts that cannot be, each with one thing wrong. `E` is an ESP, `R` a root partition; what stands in the rows goes
 * into `partitions`, or replaces the whole tree where it begins with `disk:`.
 */
const E = '{ name: esp, type: esp }';
const R = '{ name: root, size: 2G, content: { type: filesystem, format: ext4, mountpoint: / } }';
const ext4 = (mountpoint: string, more = ''): string =>
  `{ type: filesystem, format: ext4, mountpoint: ${mountpoint}${more} }`;
const btrfs = (mountpoint: string, more = ''): string =>
  `{ type: filesystem, format: btrfs, mountpoint: ${mountpoint}${more} }`;
const part = (name: string, content: string, more = 'size: 1G'): string =>
  `{ name: ${name}, ${more}, content: ${content} }`;
const raid1 = (content: string, more = ''): string => `{ type: raid1${more}, content: ${content} }`;
const luks = (content: string, more = ', passphrase: { env: KEY }'): string =>
  `{ type: luks${more}, content: ${content} }`;
const lvm = (volumes: string, more = ''): string => `{ type: lvm${more}, volumes: [${volumes}] }`;
const volume = (name: string, size = '200M', content = '{ type: swap }'): string =>
  `{ name: ${name}, size: ${size}, content: ${content} }`;
const disk = (text: string): string => `disk: ${text}`;

/** What it is, the partitions or the tree. */
export const REFUSED: readonly (readonly [string, string])[] = [
  // Shapes
  ['no partitions', disk('{ partitions: [] }')],
  ['no disks', disk('[]')],
  ['partitions that are no list', disk('{ partitions: { name: root } }')],
  ['nothing at all', disk('null')],
  ['an unknown key', `${E}, ${R}, { name: a, sise: 1G }`],
  ['a place, which would overlap another', `${E}, { name: a, start: 1M, size: 1G }, ${R}`],
  ['an unknown type of partition', `${E}, ${R}, { name: a, type: linus }`],
  ['an unknown layer', `${E}, ${R}, ${part('a', '{ type: raid5, content: { type: swap } }')}`],
  ['a layer without a type', `${E}, ${R}, ${part('a', '{ format: ext4, mountpoint: /srv }')}`],
  ['an unknown file system', `${E}, ${R}, ${part('a', '{ type: filesystem, format: xfs, mountpoint: /srv }')}`],
  ['an unknown table', disk(`{ table: gtp, partitions: [${E}, ${R}] }`)],
  ['an array in an array', `${E}, ${R}, ${part('a', raid1(raid1('{ type: swap }')))}`],
  ['an array in encrypted storage', `${E}, ${R}, ${part('a', luks(raid1('{ type: swap }')))}`],
  ['encrypted storage in encrypted storage', `${E}, ${R}, ${part('a', luks(luks('{ type: swap }')))}`],
  ['a volume group in a volume', `${E}, ${R}, ${part('a', lvm(volume('v', '200M', lvm(volume('w')))))}`],
  ['an encrypted volume', `${E}, ${R}, ${part('a', lvm(volume('v', '200M', luks('{ type: swap }'))))}`],
  ['layers in a circle', `${E}, ${R}, { name: a, size: 1G, content: &loop { type: raid1, content: *loop } }`],
  ['an array without content', `${E}, ${R}, ${part('a', '{ type: raid1 }')}`],
  ['a volume group without volumes', `${E}, ${R}, ${part('a', lvm(''))}`],
  ['an array of no disks', `${E}, ${R}, ${part('a', raid1(ext4('/srv'), ', devices: 0'))}`],
  ['an array of too many disks', `${E}, ${R}, ${part('a', raid1(ext4('/srv'), ', devices: 9'))}`],
  // Sizes
  ['a size with an unknown unit', `${E}, ${R}, { name: a, size: 5X }`],
  ['a size in percent', `${E}, ${R}, { name: a, size: 50% }`],
  ['a negative size', `${E}, ${R}, { name: a, size: -1G }`],
  [
    'two that want the rest',
    disk(`{ size: 9G, partitions: [${E}, ${R}, { name: a, size: rest }, { name: b, size: rest }] }`),
  ],
  ['the rest of a disk without a size', `${E}, ${R}, ${part('a', ext4('/srv'), 'size: rest')}`],
  ['two volumes that want the rest', `${E}, ${R}, ${part('a', lvm(`${volume('v', 'rest')}, ${volume('w', 'rest')}`))}`],
  ['a disk that is too small', disk(`{ size: 2G, partitions: [${E}, ${R}] }`)],
  [
    'nothing left for the rest',
    disk(`{ size: 2148M, partitions: [${E}, ${R}, ${part('a', ext4('/srv'), 'size: rest')}] }`),
  ],
  ['volumes that do not fit', `${E}, ${R}, ${part('a', lvm(volume('v', '1G')))}`],
  ['an ext4 that is too small', `${E}, ${R}, ${part('a', ext4('/srv'), 'size: 4M')}`],
  ['a btrfs that is too small', `${E}, ${R}, ${part('a', btrfs('/srv'), 'size: 100M')}`],
  ['an ESP that is too small', `{ name: esp, type: esp, size: 20M }, ${R}`],
  ['encrypted storage that is all header', `${E}, ${R}, ${part('a', luks(ext4('/srv')), 'size: 16M')}`],
  ['an array that leaves too little', `${E}, ${R}, ${part('a', raid1(btrfs('/srv')), 'size: 109M')}`],
  ['an MBR beyond its reach', disk(`{ table: mbr, size: 3T, partitions: [${E}, ${R}] }`)],
  ['a disk beyond all reach', disk(`{ size: 8192T, partitions: [${E}, ${R}] }`)],
  // What starts the machine
  ['UEFI without an ESP', R],
  ['two ESPs', `${E}, { name: esp2, type: esp }, ${R}`],
  ['an ESP of ext4', `${part('esp', ext4('/boot/efi'), 'type: esp, size: 100M')}, ${R}`],
  [
    'an ESP in an array',
    `${part('esp', raid1('{ type: filesystem, format: vfat, mountpoint: /boot/efi, label: ESP }'), 'type: esp, size: 100M')}, ${R}`,
  ],
  [
    'an ESP mounted elsewhere',
    `${part('esp', '{ type: filesystem, format: vfat, mountpoint: /efi, label: ESP }', 'type: esp, size: 100M')}, ${R}`,
  ],
  ['/boot/efi that is no ESP', `${E}, ${R}, ${part('a', lvm(volume('v', '200M', ext4('/boot/efi'))))}`],
  ['two places for GRUB', `${E}, { name: b1, type: bios-boot }, { name: b2, type: bios-boot }, ${R}`],
  ['a place for GRUB that holds something', `${E}, ${part('b', '{ type: swap }', 'type: bios-boot')}, ${R}`],
  ['a place for GRUB in an MBR', disk(`{ table: mbr, partitions: [${E}, { name: b, type: bios-boot }, ${R}] }`)],
  [
    'a place for GRUB on a disk that does not boot',
    disk(`[{ partitions: [${E}, ${R}] }, { partitions: [{ name: b, type: bios-boot }] }]`),
  ],
  ['an encrypted kernel', `${E}, ${part('root', luks(ext4('/')), 'size: 2G')}`],
  ['a kernel in an encrypted volume', `${E}, ${part('pv', luks(lvm(volume('root', '800M', ext4('/')))))}`],
  ['an encrypted /boot', `${E}, ${R}, ${part('boot', luks(ext4('/boot')))}`],
  ['a kernel on a disk that does not boot', disk(`[{ partitions: [${E}] }, { partitions: [${R}] }]`)],
  [
    'five partitions in an MBR',
    disk(
      `{ table: mbr, partitions: [${E}, ${R}, { name: a, size: 1M }, { name: b, size: 1M }, { name: c, size: 1M }] }`,
    ),
  ],
  ['129 partitions', [E, R, ...Array.from({ length: 127 }, (_, n) => `{ name: p${String(n)}, size: 1M }`)].join(', ')],
  // Mountpoints
  ['no root', `${E}, ${part('a', ext4('/srv'))}`],
  ['two roots', `${E}, ${R}, ${part('b', ext4('/'))}`],
  [
    'one mountpoint twice',
    `${E}, ${R}, ${part('a', ext4('/srv'))}, ${part('b', lvm(volume('v', '200M', ext4('/srv'))))}`,
  ],
  ['a mountpoint that is no path', `${E}, ${R}, ${part('a', ext4('srv'))}`],
  ['a mountpoint with a way back', `${E}, ${R}, ${part('a', ext4('/srv/../etc'))}`],
  ['a mountpoint with a slash too many', `${E}, ${R}, ${part('a', ext4('/srv/'))}`],
  ['/etc', `${E}, ${R}, ${part('a', ext4('/etc'))}`],
  ['something below /dev', `${E}, ${R}, ${part('a', ext4('/dev/disk'))}`],
  ['/boot/grub', `${E}, ${R}, ${part('a', ext4('/boot/grub'))}`],
  ['vfat for what has owners', `${E}, ${R}, ${part('a', '{ type: filesystem, format: vfat, mountpoint: /home }')}`],
  [
    'snapshots where snapper has its own',
    `${E}, ${part('root', btrfs('/', ', snapper: true'), 'size: 2G')}, ${part('a', ext4('/.snapshots'))}`,
  ],
  // What a file system does not do
  ['ext4 that compresses', `${E}, ${R}, ${part('a', ext4('/srv', ', compression: zstd'))}`],
  ['ext4 with snapshots', `${E}, ${part('root', ext4('/', ', snapper: true'), 'size: 2G')}`],
  ['snapper elsewhere than on /', `${E}, ${R}, ${part('a', btrfs('/srv', ', snapper: true'))}`],
  ['another subvolume', `${E}, ${part('root', btrfs('/', ', options: [noatime, subvol=@mine]'), 'size: 2G')}`],
  ['a root that nothing runs from', `${E}, ${part('root', ext4('/', ', options: [noexec]'), 'size: 2G')}`],
  ['a /usr that is not mounted', `${E}, ${R}, ${part('usr', ext4('/usr', ', options: [noauto]'))}`],
  ['two mount options in one', `${E}, ${R}, ${part('a', ext4('/srv', ", options: ['noatime,ro']"))}`],
  ['an unknown compression', `${E}, ${R}, ${part('a', btrfs('/srv', ', compression: gzip'))}`],
  // Types
  ['type swap for a file system', `${E}, ${R}, ${part('a', ext4('/srv'), 'type: swap, size: 1G')}`],
  ['type lvm for an array', `${E}, ${R}, ${part('a', raid1(ext4('/srv')), 'type: lvm, size: 1G')}`],
  ['type raid for nothing', `${E}, ${R}, { name: a, type: raid, size: 1G }`],
  ['type luks for a volume group', `${E}, ${R}, ${part('a', lvm(volume('v')), 'type: luks, size: 1G')}`],
  ['type root for what is not /', `${E}, ${R}, ${part('a', ext4('/srv'), 'type: root, size: 1G')}`],
  ['type xbootldr for what is not /boot', `${E}, ${R}, ${part('a', ext4('/srv'), 'type: xbootldr, size: 1G')}`],
  ['an array under swap only', `${E}, ${R}, ${part('a', raid1('{ type: swap }'))}`],
  ['an array under encrypted swap only', `${E}, ${R}, ${part('a', raid1(luks('{ type: swap }')))}`],
  // Encryption
  ['no passphrase', `${E}, ${R}, ${part('a', luks(ext4('/srv'), ''))}`],
  ['an empty passphrase', `${E}, ${R}, ${part('a', luks(ext4('/srv'), ", passphrase: ''"))}`],
  ['a passphrase from two places', `${E}, ${R}, ${part('a', luks(ext4('/srv'), ', passphrase: { env: A, file: B }'))}`],
  ['an unknown cipher', `${E}, ${R}, ${part('a', luks(ext4('/srv'), ', passphrase: { env: A }, cipher: rot13'))}`],
  ['a key that is too short', `${E}, ${R}, ${part('a', luks(ext4('/srv'), ', passphrase: { env: A }, keyBits: 128'))}`],
  ['odd sectors', `${E}, ${R}, ${part('a', luks(ext4('/srv'), ', passphrase: { env: A }, sectorSize: 1024'))}`],
  ['an unknown derivation', `${E}, ${R}, ${part('a', luks(ext4('/srv'), ', passphrase: { env: A }, pbkdf: scrypt'))}`],
  [
    'too few iterations',
    `${E}, ${R}, ${part('a', luks(ext4('/srv'), ', passphrase: { env: A }, pbkdf: pbkdf2, pbkdfIterations: 10'))}`,
  ],
  [
    'more memory than argon2 takes',
    `${E}, ${R}, ${part('a', luks(ext4('/srv'), ', passphrase: { env: A }, pbkdfMemory: 8G'))}`,
  ],
  [
    'less memory than argon2 takes',
    `${E}, ${R}, ${part('a', luks(ext4('/srv'), ', passphrase: { env: A }, pbkdfMemory: 16K'))}`,
  ],
  // Names
  ['a partition without a name', `${E}, ${R}, { size: 1G }`],
  ['two partitions of a name', `${E}, ${R}, { name: root, size: 1G }`],
  [
    'two disks of a name',
    disk(`[{ name: a, partitions: [${E}, ${R}] }, { name: a, partitions: [{ name: b, size: 1M }] }]`),
  ],
  ['a disk whose name is no name of a file', disk(`{ name: A/b, partitions: [${E}, ${R}] }`)],
  ['a name that is too long for a GPT', `${E}, ${R}, { name: ${'n'.repeat(37)}, size: 1G }`],
  ['a name with a line break', `${E}, ${R}, { name: "a\\nb", size: 1G }`],
  [
    'two arrays of a name',
    `${E}, ${part('root', raid1(ext4('/'), ', name: a'), 'size: 2G')}, ${part('b', raid1(ext4('/srv'), ', name: a'))}`,
  ],
  [
    'a name that is too long for an array',
    `${E}, ${part('root', raid1(ext4('/'), `, name: ${'n'.repeat(33)}`), 'size: 2G')}`,
  ],
  [
    'encrypted storage called control',
    `${E}, ${R}, ${part('a', luks(ext4('/srv'), ', passphrase: { env: A }, name: control'))}`,
  ],
  [
    'encrypted storage called like a volume',
    `${E}, ${R}, ${part('a', luks(lvm(volume('data'), ', name: vg'), ', passphrase: { env: A }, name: vg-data'))}`,
  ],
  [
    'two encrypted storages of a name',
    `${E}, ${R}, ${part('a', luks(ext4('/srv'), ', passphrase: { env: A }, name: c'))}, ${part('b', luks(ext4('/opt'), ', passphrase: { env: A }, name: c'))}`,
  ],
  ['two volume groups of a name', `${E}, ${R}, ${part('a', lvm(volume('v')))}, ${part('b', lvm(volume('w')))}`],
  ['two volumes of a name', `${E}, ${R}, ${part('a', lvm(`${volume('v')}, ${volume('v')}`))}`],
  ['a volume group that begins with a dash', `${E}, ${R}, ${part('a', lvm(volume('v'), ', name: -vg'))}`],
  ['a volume group called like a device', `${E}, ${R}, ${part('a', lvm(volume('v'), ', name: shm'))}`],
  ['a volume with a blank in its name', `${E}, ${R}, ${part('a', lvm(volume("'a b'")))}`],
  ['a volume called ..', `${E}, ${R}, ${part('a', lvm(volume("'..'")))}`],
  ['a volume that LVM keeps for itself', `${E}, ${R}, ${part('a', lvm(volume('data_rimage_0')))}`],
  ['a label that is too long', `${E}, ${R}, ${part('a', ext4('/srv', `, label: ${'l'.repeat(17)}`))}`],
  [
    'a label in small letters for vfat',
    `${E}, ${R}, ${part('a', '{ type: filesystem, format: vfat, mountpoint: /mnt, label: data }')}`,
  ],
];
