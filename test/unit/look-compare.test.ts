import { describe, expect, it } from 'vitest';
import { compareFacts, compareFiles, comparePackages } from '../../src/look/compare.js';
import { comparisonLines } from '../../src/look/comparison-text.js';
import { differInIdentities, isShown } from '../../src/look/contents.js';
import type { DiskFacts, Entry, Facts, LayerFacts } from '../../src/verify/facts.js';

const file = (more: Partial<Entry> = {}): Entry => {
  return { kind: 'file', mode: 0o644, uid: 0, gid: 0, bytes: 3, digest: 'd', ...more };
};
const directory: Entry = { kind: 'directory', mode: 0o755, uid: 0, gid: 0, bytes: 4096 };

/** What two files at the same path differ in. */
const aspects = (a: Entry, b: Entry) => compareFiles(new Map([['x', a]]), new Map([['x', b]]))[0]?.aspects ?? [];

describe('files', () => {
  it('differ in mode, owner, attributes and content', () => {
    expect(aspects(file(), file())).toEqual([]);
    expect(aspects(file(), file({ mode: 0o4644 }))).toEqual(['mode']);
    expect(aspects(file(), file({ gid: 5 }))).toEqual(['owner']);
    expect(aspects(file(), file({ digest: 'e' }))).toEqual(['content']);
    expect(aspects(file(), file({ xattrs: { 'security.capability': '01' } }))).toEqual(['attributes']);
    expect(aspects(file(), directory)).toEqual(['kind']);
    const attributes = { b: '1', a: '2' };
    expect(aspects(file({ xattrs: attributes }), file({ xattrs: { a: '2', b: '1' } }))).toEqual([]);
  });

  it('are links to somewhere, whatever mode a filesystem gives them', () => {
    const link = file({ kind: 'symlink', mode: 0o777, target: 'a' });
    expect(aspects(link, { ...link, mode: 0o644 })).toEqual([]);
    expect(aspects(link, { ...link, target: 'b' })).toEqual(['target']);
  });

  it('may be hard links in an archive and files on a disk', () => {
    const archive = new Map([
      ['a', file()],
      ['b', file({ kind: 'hardlink', target: 'a', bytes: 0 })],
    ]);
    const disk = new Map([
      ['a', file()],
      ['b', file()],
      ['lost+found', directory],
    ]);
    expect(compareFiles(archive, disk)).toEqual([]);
  });

  it('are there or not', () => {
    const changes = compareFiles(new Map([['old', file()]]), new Map([['new', file()]]));
    expect(changes.map(({ path, change }) => [path, change])).toEqual([
      ['new', 'added'],
      ['old', 'removed'],
    ]);
  });
});

describe('packages', () => {
  it('are added, removed, or of another version', () => {
    const a = [
      { name: 'gone', version: '1', architecture: 'all' },
      { name: 'libc6', version: '1', architecture: 'amd64' },
      { name: 'same', version: '1', architecture: 'all' },
    ];
    const b = [
      { name: 'libc6', version: '2', architecture: 'amd64' },
      { name: 'libc6', version: '2', architecture: 'i386' },
      { name: 'same', version: '1', architecture: 'all' },
    ];
    expect(comparePackages(a, b)).toEqual([
      { name: 'gone', architecture: 'all', a: '1', b: undefined },
      { name: 'libc6', architecture: 'amd64', a: '1', b: '2' },
      { name: 'libc6', architecture: 'i386', a: undefined, b: '2' },
    ]);
  });
});

const layer = (format: string, uuid: string, inside: readonly LayerFacts[] = []): LayerFacts => {
  return { format, uuid, label: '', bytes: 10, inside };
};
const disk = (id: string, inner: LayerFacts): DiskFacts => {
  const partition = { number: 1, name: 'root', type: 'linux', start: 1, bytes: 9, id, layer: inner } as const;
  return {
    ...{ bytes: 10, sectorBytes: 512, table: 'gpt', defects: [], bootCode: false, unread: [] },
    partitions: [partition],
  };
};
const facts = (more: Partial<Facts>): Facts => ({ file: { name: 'x', bytes: 1 }, ...more });

describe('storage', () => {
  const plain = facts({ disk: disk('p1', layer('luks', 'l1', [layer('ext4', 'e1')])) });

  it('has identities that are none of its differences', () => {
    const comparison = compareFacts(plain, facts({ disk: disk('p2', layer('luks', 'l2', [layer('ext4', 'e2')])) }));
    expect(comparison).toMatchObject({ same: true, storage: [] });
    expect(comparison.identities).toEqual([
      { what: 'partition 1: PARTUUID', a: 'p1', b: 'p2' },
      { what: 'partition 1: UUID', a: 'l1', b: 'l2' },
      { what: 'partition 1/ext4: UUID', a: 'e1', b: 'e2' },
    ]);
    expect(comparisonLines('a', 'b', comparison).at(-1)).toBe('Nothing differs but identities.');
  });

  it('differs in what lies in it', () => {
    const comparison = compareFacts(plain, facts({ disk: disk('p1', layer('ext4', 'e1')) }));
    expect(comparison.same).toBe(false);
    expect(comparison.storage).toEqual([
      { what: 'partition 1: content', a: 'luks', b: 'ext4' },
      { what: 'partition 1/ext4: content', a: 'ext4', b: '' },
    ]);
  });

  it('is none in an archive', () => {
    const { storage, identities } = compareFacts(facts({}), plain);
    expect(storage.map(({ what }) => what)).toContain('table');
    expect(identities).toEqual([]);
  });
});

describe('texts', () => {
  it('that differ in identities alone are known', () => {
    const fstab = (id: string) => `UUID=${id} / ext4 defaults 0 1\n`;
    const [one, other] = ['0cd4dc9f-eb5f-5fa5-a0a6-1342e612bfcb', '1cd4dc9f-eb5f-5fa5-a0a6-1342e612bfcb'];
    expect(differInIdentities(fstab(one), fstab(other))).toBe(true);
    expect(differInIdentities(fstab(one), fstab(one))).toBe(false);
    expect(differInIdentities(fstab(one), fstab(other).replace('ext4', 'btrfs'))).toBe(false);
    expect(differInIdentities('UUID=DB53-67D3 /boot', 'UUID=DB53-67D4 /boot')).toBe(true);
  });

  it('are not shown where secrets are', () => {
    for (const path of [
      'etc/shadow',
      'etc/ssh/ssh_host_rsa_key',
      'root/.ssh/id',
      'srv/tls.key',
      'var/lib/dpkg/status',
    ]) {
      expect(isShown(path), path).toBe(false);
    }
    for (const path of ['etc/passwd', 'etc/ssh/sshd_config', 'etc/fstab']) expect(isShown(path), path).toBe(true);
  });
});

describe('lines', () => {
  it('name a whole directory once, and steer no terminal', () => {
    const b = new Map<string, Entry>([
      ['usr/share/x', directory],
      ['usr/share/x/y', directory],
      ['usr/share/x/y/1', file()],
      ['usr/share/x/2', file({ bytes: 5 })],
      ['etc/\u001b[2Jodd', file()],
    ]);
    const comparison = compareFacts(
      facts({}),
      facts({ tree: { entries: b, texts: new Map(), knownPasswords: [], buildHost: '' } }),
    );
    const lines = comparisonLines('a', 'b', comparison);
    expect(lines).toContain('  + /usr/share/x/ (2 files, 8 B)');
    expect(lines).toContain('  + /etc/?[2Jodd (3 B)');
    expect(lines.filter((line) => line.includes('usr/share'))).toHaveLength(1);
  });
});
