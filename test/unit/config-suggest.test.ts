import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { didYouMean, editDistance, nearest } from '../../src/config/suggest.js';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['base', 'base', 0],
    ['bse', 'base', 1],
    ['bsae', 'base', 1],
    ['kitten', 'sitting', 3],
    ['', 'abc', 3],
  ])('from %j to %j is %i', (from, to, distance) => {
    expect(editDistance(from, to)).toBe(distance);
  });

  it('is symmetric and never more than the longer word', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
        expect(distance === 0).toBe(a === b);
      }),
    );
  });
});

describe('nearest', () => {
  const names = ['base', 'lxc/base', 'bootable/uefi', 'login.user', 'login.uid', 'sshd.enable'];

  it.each([
    ['bse', 'base'],
    ['BASE', 'base'],
    ['login.usr', 'login.user'],
    ['sshd.enabled', 'sshd.enable'],
    ['uefi', 'bootable/uefi'],
    ['xyz', undefined],
    ['q', undefined],
  ])('of %s is %s', (name, expected) => {
    expect(nearest(name, names)).toBe(expected);
  });

  it('takes the closest, and of equals the first', () => {
    expect(nearest('aaaa', ['aabb', 'aaab'])).toBe('aaab');
    expect(nearest('aaaa', ['aaab', 'aaac'])).toBe('aaab');
  });

  it('becomes a hint, or none', () => {
    expect(didYouMean('bse', names.values())).toEqual({ hint: 'did you mean "base"?' });
    expect(didYouMean('xyz', names)).toEqual({});
  });
});
