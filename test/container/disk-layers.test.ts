import { createDecipheriv } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Storage } from '../../src/config/layout.js';
import { planDisks } from '../../src/disk/plan.js';
import { leavesOf } from '../../src/disk/walk.js';
import { INSIDE } from '../../src/host/mounts.js';
import { assemblerIn, makeTree, part } from '../support/assembly.js';
import { inBuilder } from '../support/builder.js';
import { filesystem, swap, uefi } from '../support/disk-layouts.js';
import { MIB } from '../support/disk-plans.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const assemble = assemblerIn(directory);
const PASSPHRASE = 'zwölf Bananen am Morgen';
const SECTOR = 4096;

/** Every layer there is: /boot on an array, the rest on another one, encrypted, in a volume group. */
const LAYERS: Storage = uefi([
  part('boot', 64, { type: 'raid1', name: 'boot', devices: 2, content: filesystem('ext4', '/boot') }),
  part('data', 220, {
    type: 'raid1',
    name: 'data',
    devices: 2,
    content: {
      type: 'luks',
      name: 'data_crypt',
      cipher: 'aes-xts-plain64',
      keyBits: 512,
      sectorSize: SECTOR,
      pbkdf: 'argon2id',
      pbkdfMemory: 1024,
      pbkdfIterations: 4,
      content: {
        type: 'lvm',
        name: 'vg0',
        volumes: [
          { name: 'swap', size: 16 * MIB, content: swap },
          { name: 'root', size: 'rest', content: filesystem('ext4', '/') },
        ],
      },
    },
  }),
]);

/**
 * As somebody without any capability, who cannot get one back either: the bounding set is empty. Emptying it takes a capability
 * that the builder does not have and a user namespace has.
 */
const NOBODY = `chmod 711 ${INSIDE.work}; mkdir ${INSIDE.work}/nobody; chown 1000:1000 ${INSIDE.work}/nobody
  nobody() {
    setpriv --reuid=1000 --regid=1000 --clear-groups unshare --user --map-current-user --keep-caps \\
      setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs "$@"
  }
  nobody grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb):' /proc/self/status | grep -v 0000000000000000 && exit 1
  nobody`;

/**
 * As root of a user namespace whose ids are some that nobody has, which is what an ordinary user gets of newuidmap: files get
 * their owners, and outside it has no capability. Inside it has those that owners and capabilities of files take.
 */
const MAPPED = `chmod 711 ${INSIDE.work}; mkdir /dev/shm/mapped; chown 100000:100000 /dev/shm/mapped
  mapped() {
    unshare --user --map-users=0:100000:65536 --map-groups=0:100000:65536 --setuid=0 --setgid=0 \\
      setpriv --bounding-set=-all,+chown,+dac_override,+fowner,+fsetid,+setfcap --inh-caps=-all --no-new-privs "$@"
  }
  mapped`;

/** A disk with its encrypted part in the clear: another key for each build is all that may differ. */
async function inTheClear(work: string): Promise<Buffer> {
  const luks = leavesOf(planDisks(LAYERS, 'seed'))
    .flatMap(({ carriers }) => carriers)
    .find((carrier) => carrier.type === 'luks');
  if (luks?.type !== 'luks') throw new Error('nothing is encrypted');
  const script = `cd ${INSIDE.work}/$1/disks
    dd if=rootfs.img of=/tmp/header bs=1M skip="$2" count=16 status=none
    printf %s "$3" | cryptsetup luksDump -q --disable-locks --dump-volume-key --volume-key-file /tmp/key --key-file - /tmp/header >&2
    base64 -w 0 /tmp/key`;
  const said = await inBuilder(directory, script, [work, String(luks.start / MIB), PASSPHRASE]);
  const disk = readFileSync(path.join(directory, work, 'disks/rootfs.img'));
  const key = Buffer.from(said, 'base64');
  const start = luks.start + luks.headerBytes;
  for (let at = start; at + SECTOR <= luks.start + luks.bytes; at += SECTOR) {
    const tweak = Buffer.alloc(16);
    // In sectors of 512 bytes, whatever the size of an encrypted one (cryptsetup(8), iv_large_sectors).
    tweak.writeBigUInt64LE(BigInt((at - start) / 512));
    const decipher = createDecipheriv('aes-256-xts', key, tweak).setAutoPadding(false);
    const sector = disk.subarray(at, at + SECTOR);
    // Behind the last volume nothing was encrypted, and free blocks are holes again.
    if (sector.some((byte) => byte !== 0)) decipher.update(sector).copy(sector);
  }
  disk.fill(0, luks.start, start);
  return disk;
}

beforeAll(async () => {
  await makeTree(directory);
});

describe('disks of many layers', () => {
  it('are the same, made by an ordinary user without any capability', async () => {
    const passphrases = { data_crypt: PASSPHRASE };
    expect(await assemble(LAYERS, 'by-root', { passphrases })).toBe('');
    expect(await assemble(LAYERS, 'nobody', { as: NOBODY, passphrases })).toBe('');
    const [mine, theirs] = [await inTheClear('by-root'), await inTheClear('nobody')];
    expect(mine.equals(theirs)).toBe(true);
    expect(mine.includes('LABELONE')).toBe(true);
    expect(readFileSync(path.join(directory, 'nobody/disks/rootfs.img')).includes('LABELONE')).toBe(false);
  });
});

describe('a btrfs', () => {
  const storage = uefi([part('root', 256, filesystem('btrfs', '/', { compression: 'zstd', snapper: true }))]);

  it('is the same, made again at another time and place in memory', async () => {
    expect(await assemble(storage, 'first', { aside: '/dev/shm/first' })).toBe('');
    expect(await assemble(storage, 'second', { aside: '/tmp/far/away' })).toBe('');
    const [one, other] = ['first', 'second'].map((work) =>
      readFileSync(path.join(directory, work, 'disks/rootfs.img')),
    );
    expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
    const start = leavesOf(planDisks(storage, 'seed')).find(
      ({ data }) => data.type === 'filesystem' && data.mountpoint === '/',
    )?.data.start;
    const script = `dd if="${INSIDE.work}/$1/disks/rootfs.img" of=/tmp/fs bs=1M skip="$2" count=256 conv=sparse status=none
      btrfs check --check-data-csum /tmp/fs 2>&1; btrfs inspect-internal dump-tree /tmp/fs | grep -E '[acmo]time [1-9]' | sort | uniq`;
    const said = await inBuilder(directory, script, ['first', String((start ?? 0) / MIB)]);
    expect(said).toContain('no error found');
    expect(new Set(said.match(/[acmo]time \d+/g))).toEqual(
      new Set(['atime 1700000000', 'ctime 1700000000', 'mtime 1700000000', 'otime 1700000000']),
    );
  });

  it('is the same, made by somebody who has no capability but over some ids', async () => {
    expect(await assemble(storage, 'unmapped', { aside: '/dev/shm/unmapped' })).toBe('');
    expect(await assemble(storage, 'mapped', { as: MAPPED, aside: '/dev/shm/mapped/work' })).toBe('');
    const [one, other] = ['unmapped', 'mapped'].map((work) =>
      readFileSync(path.join(directory, work, 'disks/rootfs.img')),
    );
    expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true);
  });
});
