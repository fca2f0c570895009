import { describe, expect, it } from 'vitest';
import { EXIT, UserError } from '../../src/errors.js';
import { chooseWork, memoryAvailable, TMPFS_LIMIT, WORK_NEED } from '../../src/host/memory.js';
import { thrown } from '../support/thrown.js';

const GIB = 1024 ** 3;
const plenty = { memoryAvailable: 16 * GIB, diskFree: 100 * GIB };
const short = { memoryAvailable: 1 * GIB, diskFree: 100 * GIB };

describe('where a build works', () => {
  it('is memory when there is enough, up to a limit', () => {
    expect(chooseWork('auto', plenty, '/w')).toMatchObject({ kind: 'tmpfs', bytes: TMPFS_LIMIT });
    expect(chooseWork('auto', { ...plenty, memoryAvailable: 3 * GIB }, '/w')).toMatchObject({ bytes: 2.5 * GIB });
  });

  it('is the disk when memory is short or unknown, and says why', () => {
    expect(chooseWork('auto', short, '/w')).toMatchObject({ kind: 'disk', dir: '/w' });
    expect(chooseWork('auto', short, '/w').why).toContain('only 1.0 GiB');
    expect(chooseWork('auto', { ...short, memoryAvailable: undefined }, '/w').kind).toBe('disk');
  });

  it('is the disk when asked for, however much memory there is', () => {
    expect(chooseWork('disk', plenty, '/w').kind).toBe('disk');
  });

  it('is memory for a larger need, only when it fits', () => {
    expect(chooseWork('auto', plenty, '/w', 6 * GIB)).toMatchObject({ kind: 'tmpfs', bytes: 6 * GIB });
    expect(chooseWork('auto', plenty, '/w', 20 * GIB).kind).toBe('disk');
  });

  it.each([
    ['tmpfs', short],
    ['disk', { ...plenty, diskFree: WORK_NEED - 1 }],
    ['auto', { memoryAvailable: 0, diskFree: 0 }],
  ] as const)('is nowhere when %s has no room: exit code 3 and a way out', (mode, facts) => {
    const error = thrown(() => chooseWork(mode, facts, '/w'));
    expect(error).toBeInstanceOf(UserError);
    expect(error).toMatchObject({ exitCode: EXIT.environment, hint: expect.stringMatching(/disk/) as string });
  });
});

describe('/proc/meminfo', () => {
  it('is read for what is available, not for what is free', () => {
    expect(memoryAvailable('MemTotal: 100 kB\nMemFree:  1 kB\nMemAvailable:      42 kB\n')).toBe(42 * 1024);
    expect(memoryAvailable('')).toBeUndefined();
  });
});
