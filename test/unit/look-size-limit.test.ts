import { describe, expect, it } from 'vitest';
import { fits } from '../../src/exec/uptodate.js';
import { sizeFault } from '../../src/look/size-limit.js';
import type { Measured } from '../../src/look/size.js';
import { load, problemsOf, PROFILE } from '../support/config.js';

const MIB = 1 << 20;

/** An image with packages of so many MiB, each of which depends on the next. */
function image(packages: Readonly<Record<string, number>>, loose: number): Measured {
  const names = Object.keys(packages);
  const all = Object.entries(packages).map(([name, size], index) => ({
    name,
    bytes: size * MIB,
    files: 1,
    depends: names.slice(index + 1, index + 2),
    essential: false,
  }));
  const bytes = all.reduce((sum, one) => sum + one.bytes, loose * MIB);
  return {
    bytes,
    packages: all.sort((a, b) => b.bytes - a.bytes),
    loose: [{ path: 'boot/initrd.img', bytes: loose * MIB }],
  };
}

const SERVER = [{ name: 'roles/server', packages: ['server'], paths: [] }];
const before = { measured: image({ server: 10, libfoo: 30, gone: 5 }, 20), day: '2026-11-20' };
const now = image({ server: 12, libfoo: 150, new: 1 }, 20);

describe('an image that may not become larger than so much', () => {
  it('is as it should be up to its limit, to the byte', () => {
    expect(sizeFault(now.bytes, now, before, SERVER)).toBeUndefined();
    expect(sizeFault(now.bytes - 1, now, before, SERVER)).toContain(
      `take 183.0 MiB (${String(now.bytes)} bytes), and maxSize allows 183.0 MiB (${String(now.bytes - 1)} bytes)`,
    );
  });

  it('tells what has grown since the earlier build, the most first, and by whose fault', () => {
    expect(sizeFault(100 * MIB, now, before, SERVER)).toBe(
      'the files of the image take 183.0 MiB, and maxSize allows 100.0 MiB; since the build of 2026-11-20: ' +
        'libfoo +120.0 MiB, server +2.0 MiB, new +1.0 MiB; by collection: roles/server +118.0 MiB',
    );
    const more = image({ server: 10, libfoo: 30, gone: 5 }, 90);
    expect(sizeFault(100 * MIB, more, before, SERVER)).toContain(': files of no package +70.0 MiB');
  });

  it('tells the largest packages when there is nothing to compare with, or nothing has grown', () => {
    expect(sizeFault(MIB, now, undefined, SERVER)).toMatch(
      /; the largest packages are libfoo 150\.0 MiB, server 12\.0 MiB, new 1\.0 MiB$/,
    );
    expect(sizeFault(MIB, before.measured, before, SERVER)).toContain(
      'nothing has grown since the build of 2026-11-20; the largest packages are libfoo 30.0 MiB, server 10.0 MiB',
    );
  });

  it('names five, and how many more there are', () => {
    expect(sizeFault(MIB, image({ a: 7, b: 6, c: 5, d: 4, e: 3, f: 2, g: 1 }, 0), undefined, [])).toMatch(
      /e 3\.0 MiB and 2 more$/,
    );
  });
});

describe('maxSize', () => {
  it('counts where it is nearest', () => {
    const parent = `${PROFILE}maxSize: 1GiB\n`;
    const files = { 'user/profiles/parent.yaml': parent, 'user/profiles/p.yaml': 'extends: parent.yaml\n' };
    expect(load(files).maxSize?.bytes).toBe(2 ** 30);
    const own = { ...files, 'user/profiles/p.yaml': 'extends: parent.yaml\nmaxSize: 1.5M\n' };
    expect(load(own).maxSize).toEqual({
      bytes: 1.5 * MIB,
      brings: { base: ['less', 'nano', 'openssh-server', 'telnetd'], 'lxc/base': ['ifupdown'] },
    });
    expect(load({})).not.toHaveProperty('maxSize');
  });

  it.each(['big', '0', '0MiB', '-1M', '1.5.2G', '5 PiB'])('is refused as %s, with the place', (value) => {
    expect(problemsOf({ 'user/profiles/p.yaml': `${PROFILE}maxSize: "${value}"\n` })).toEqual([
      `profiles/p.yaml:4:10: maxSize: "${value}" is not a size such as 800MiB`,
    ]);
  });

  it('is refused as a bare number, with the place', () => {
    expect(problemsOf({ 'user/profiles/p.yaml': `${PROFILE}maxSize: 800\n` })).toEqual([
      'profiles/p.yaml:4:10: maxSize: expected a size with a unit, such as 800MiB',
    ]);
  });

  it('leaves an image up to date only when that is known to keep to it', () => {
    expect(fits({}, undefined)).toBe(true);
    expect(fits({}, 100)).toBe(false);
    expect(fits({ treeBytes: 100 }, 100)).toBe(true);
    expect(fits({ treeBytes: 101 }, 100)).toBe(false);
  });
});
