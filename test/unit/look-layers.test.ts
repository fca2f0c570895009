import { describe, expect, it } from 'vitest';
import { inspectSystem, packagesOf, unitsOf } from '../../src/look/system.js';
import { parseGroup, readVolumeGroup } from '../../src/verify/read/lvm.js';
import { lvmHeader } from '../../src/disk/lvm2.js';
import type { LvmPlan } from '../../src/disk/types.js';
import type { Bytes } from '../../src/verify/read/bytes.js';
import type { Entry } from '../../src/verify/facts.js';

const MIB = 2 ** 20;

const plan = {
  name: 'vg0',
  vgId: 'a'.repeat(32),
  pvId: 'bbbbbbccccddddeeeeffffgggghhhhhh',
  start: 0,
  bytes: 100 * MIB,
  peStart: MIB,
  extentBytes: 4 * MIB,
  volumes: [
    { name: 'root', id: 'c'.repeat(32), firstExtent: 0, extents: 10 },
    { name: 'var-log', id: 'd'.repeat(32), firstExtent: 10, extents: 3 },
  ],
} as unknown as LvmPlan;

/** Bytes of a disk on which something lies at `at`. */
function bytesAt(content: Buffer, at: number): Bytes {
  const read = (from: number, length: number): Promise<Buffer> => {
    const buffer = Buffer.alloc(length);
    for (let n = 0; n < length; n += 1) buffer[n] = content[from + n - at] ?? 0;
    return Promise.resolve(buffer);
  };
  return { size: at + plan.bytes, read };
}

describe('a volume group', () => {
  it('is read as it was written, wherever it lies', async () => {
    const header = lvmHeader(plan, 0);
    expect(await readVolumeGroup(bytesAt(header, 7 * MIB), 7 * MIB)).toEqual({
      name: 'vg0',
      uuid: 'bbbbbb-cccc-dddd-eeee-ffff-gggg-hhhhhh',
      volumes: [
        { name: 'root', bytes: 40 * MIB, at: MIB },
        { name: 'var-log', bytes: 12 * MIB, at: 41 * MIB },
      ],
    });
  });

  it('is none where there is no label or no text', async () => {
    expect(await readVolumeGroup(bytesAt(Buffer.alloc(4096), 0), 0)).toBeUndefined();
    const header = lvmHeader(plan, 0);
    header.fill(0, 4608);
    expect(await readVolumeGroup(bytesAt(header, 0), 0)).toBeUndefined();
  });

  it('has volumes that are in no single piece', () => {
    const segment = (n: number, stripes: string) =>
      `segment${String(n)} {\nstart_extent = 0\nextent_count = 5\ntype = "striped"\nstripe_count = 1\nstripes = [ ${stripes} ]\n}\n`;
    const text = `g {\nextent_size = 8192\nphysical_volumes {\npv0 {\npe_start = 2048\n}\n}\nlogical_volumes {
      one {\n${segment(1, '"pv0", 3')}}\ntwo {\n# of { no matter\n${segment(1, '"pv0", 8')}${segment(2, '"pv0", 20')}}\n}\n}`;
    expect(parseGroup(text)?.volumes).toEqual([
      { name: 'one', bytes: 20 * MIB, at: MIB + 12 * MIB },
      { name: 'two', bytes: 40 * MIB, at: undefined },
    ]);
  });
});

const entry = (kind: Entry['kind'], more: Partial<Entry> = {}): Entry => {
  return { kind, mode: 0o644, uid: 0, gid: 0, bytes: 0, ...more };
};

describe('a system', () => {
  const tree = {
    entries: new Map<string, Entry>([
      ['usr/lib/systemd/systemd', entry('file', { bytes: 10 })],
      ['etc/systemd/system/multi-user.target.wants/cron.service', entry('symlink', { target: '/x' })],
      ['etc/systemd/system/ssh.socket', entry('symlink', { target: '/dev/null' })],
      ['etc/systemd/system/dbus-org.service', entry('symlink', { target: '/x' })],
      ['etc/rc2.d/S01cron', entry('symlink', { target: '../init.d/cron' })],
      ['boot/vmlinuz-6.1.0-9-amd64', entry('file', { bytes: 5 })],
      ['var/lib/dpkg/status', entry('file')],
      ['etc/debian_version', entry('file')],
    ]),
    texts: new Map([
      ['etc/debian_version', '12.5\n'],
      [
        'var/lib/dpkg/status',
        'Package: zlib\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n' +
          'Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 2\n\n' +
          'Package: dpkg\nStatus: hold ok installed\nArchitecture: amd64\nVersion: 1.21\nDescription: x\n Version: 9\n',
      ],
    ]),
  };

  it('has the packages that are installed, in order', () => {
    expect(packagesOf(tree)).toEqual([
      { name: 'dpkg', version: '1.21', architecture: 'amd64' },
      { name: 'zlib', version: '1', architecture: 'amd64' },
    ]);
  });

  it('has units that somebody enabled or masked, and run levels only without systemd', () => {
    expect(unitsOf(tree)).toEqual(['-ssh.socket', 'cron.service']);
    const entries = new Map([...tree.entries].filter(([path]) => !path.startsWith('usr/')));
    expect(unitsOf({ ...tree, entries })).toContain('cron');
  });

  it('is told in short', () => {
    expect(inspectSystem(tree)).toMatchObject({
      version: '12.5',
      architecture: 'amd64',
      packages: 2,
      contentBytes: 15,
      kernels: ['6.1.0-9-amd64'],
      bootFiles: [{ path: 'boot/vmlinuz-6.1.0-9-amd64', bytes: 5 }],
    });
  });
});
