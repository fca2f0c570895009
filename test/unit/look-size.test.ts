import { describe, expect, it } from 'vitest';
import { DEBIAN, measure, OTHERS, sharesOf } from '../../src/look/size.js';
import { sizeLines } from '../../src/look/size-text.js';
import type { Entry } from '../../src/verify/facts.js';

const file = (bytes: number): Entry => ({ kind: 'file', mode: 0o644, uid: 0, gid: 0, bytes });
const link = (target: string): Entry => ({ ...file(0), kind: 'symlink', target });

const stanza = (name: string, more = ''): string => `Package: ${name}\nStatus: install ok installed\n${more}`;

const STATUS = [
  stanza('dash', 'Essential: yes\nDepends: libc6 (>= 2.36)\n'),
  stanza('libc6'),
  stanza('nginx', 'Pre-Depends: libssl3\nDepends: libc6, iproute2 | nothing\n'),
  stanza('libssl3', 'Depends: libc6\n'),
  stanza('htop'),
  'Package: gone\nStatus: deinstall ok config-files\n',
].join('\n');

const tree = {
  entries: new Map<string, Entry>([
    ['bin', link('usr/bin')],
    ['usr/bin/dash', file(100)],
    ['usr/lib/libc.so', file(1000)],
    ['usr/bin/nginx', file(500)],
    ['usr/lib/libssl.so', file(700)],
    ['usr/bin/htop', file(50)],
    ['etc/motd', file(7)],
    ['boot/initrd.img-6.1', file(3000)],
  ]),
  texts: new Map([['var/lib/dpkg/status', STATUS]]),
};
const lists = new Map([
  ['var/lib/dpkg/info/dash.list', '/.\n/bin/dash\n'],
  ['var/lib/dpkg/info/libc6:amd64.list', '/usr/lib/libc.so\n'],
  ['var/lib/dpkg/info/nginx.list', '/usr/bin/nginx\n'],
  ['var/lib/dpkg/info/libssl3:amd64.list', '/usr/lib/libssl.so\n/usr/lib/libc.so\n'],
  ['var/lib/dpkg/info/htop.list', '/usr/bin/htop\n'],
]);

const measured = measure(tree, lists);

describe('the size of an image', () => {
  it('is the sum of what packages and nobody have, each file once', () => {
    expect(measured.bytes).toBe(5357);
    expect(measured.packages.map(({ name, bytes }) => `${name} ${String(bytes)}`)).toEqual([
      'libc6 1000',
      'libssl3 700',
      'nginx 500',
      'dash 100',
      'htop 50',
    ]);
    expect(measured.loose.map(({ path }) => path)).toEqual(['boot/initrd.img-6.1', 'etc/motd']);
  });

  it('is that of collections, with what their packages depend on and nobody before them has', () => {
    const shares = sharesOf(measured, [
      { name: 'web', packages: ['nginx', 'not-installed'], paths: ['etc/motd'] },
      { name: 'tls', packages: ['libssl3'], paths: [] },
    ]);
    expect(shares).toEqual([
      { name: OTHERS, bytes: 3050, packages: 1 },
      { name: 'web', bytes: 1207, packages: 2 },
      { name: DEBIAN, bytes: 1100, packages: 2 },
    ]);
    expect(shares.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(measured.bytes);
  });

  it('is told with shares, and nothing in it steers the terminal', () => {
    const odd = { ...measured, loose: [{ path: 'var/\u001b[2J', bytes: 1 }] };
    const text = sizeLines('a.tar', odd, sharesOf(measured, [])).join('\n');
    expect(text).toContain('a.tar: 5.2 KiB of files\n');
    expect(text).toContain('\n      1000 B  18.7 %  libc6\n');
    expect(text).toContain('/var/?[2J');
  });
});
