import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { lvmHeader } from '../../src/disk/lvm2.js';
import type { LvmPlan } from '../../src/disk/types.js';
import { MIB } from '../support/disk-plans.js';
import { lvmConfig } from '../support/lvm-config.js';
import { scratch } from '../support/scratch.js';
import { HAVE_UML, inUml } from '../support/uml.js';

const directory = scratch();
const VOLUMES = ['root', 'log', 'swap'];

const content = { type: 'swap', label: '', uuid: '', start: 0, bytes: 0 } as const;
const OURS: LvmPlan = {
  ...{ type: 'lvm', name: 'ours', start: 0, bytes: 100 * MIB, extentBytes: 4 * MIB, peStart: MIB },
  ...{ vgId: 'v'.repeat(32), pvId: 'p'.repeat(32) },
  volumes: VOLUMES.map((name, n) => ({ name, id: String(n).repeat(32), firstExtent: 2 * n, extents: 2, content })),
};

/** A group of the same volumes made by lvm2, then what Debian 11's rules of udev do with a physical volume that appears. */
const SCRIPT = `
lvm2 vgcreate theirs /dev/ubdb
for volume in ${VOLUMES.join(' ')}; do lvm2 lvcreate -an -Wn -Zn -l 2 -n $volume theirs; done
lvm2 vgcfgbackup -f /mnt/out/theirs theirs
config=$(echo "$config" | sed 's/event_activation=0/event_activation=1/')
lvm2 pvscan --cache --activate ay /dev/ubdb
lvm2 pvscan --cache --activate ay /dev/ubda
dmsetup ls
`;

/** Which statements there are and how they nest, without what they say. */
function statements(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return '';
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, statements(inner)]));
}

describe.skipIf(!HAVE_UML)('a volume group', () => {
  const header = lvmHeader(OURS, 1_700_000_000);
  let log = '';

  beforeAll(async () => {
    const disks = ['ours', 'theirs'].map((name) => path.join(directory, `${name}.img`));
    for (const [n, file] of disks.entries()) {
      writeFileSync(file, n === 0 ? header : '');
      truncateSync(file, OURS.bytes);
    }
    log = await inUml(path.join(directory, 'out'), SCRIPT, disks);
  });

  it('is started with all of its volumes when its device appears', () => {
    const started = [...log.matchAll(/^((ours|theirs)-\w+)\t/gm)].map(([, name]) => name);
    const planned = ['ours', 'theirs'].flatMap((group) => VOLUMES.map((volume) => `${group}-${volume}`));
    expect(started.sort(), log).toEqual(planned.sort());
    expect(log).toMatch(/\nall done\n$/);
  });

  it('says of itself all that lvm2 says of one', () => {
    const text = header.toString('latin1', 4608);
    const { ours, ...about } = lvmConfig(text.slice(0, text.indexOf('\0')));
    const theirs = lvmConfig(readFileSync(path.join(directory, 'out/theirs'), 'utf8'));
    expect(statements({ theirs: ours, ...about })).toEqual(statements(theirs));
  });
});
