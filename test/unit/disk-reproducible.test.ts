import { describe, expect, it } from 'vitest';
import type { Storage } from '../../src/config/layout.js';
import { crc32c } from '../../src/disk/crc.js';
import { planDisks } from '../../src/disk/plan.js';
import { reproducibilityOf } from '../../src/disk/reproducible.js';
import { filesystem, uefi } from '../support/disk-layouts.js';
import { MIB } from '../support/disk-plans.js';

const root = (format: 'ext4' | 'btrfs'): Storage =>
  uefi([{ name: 'root', type: 'linux', size: 512 * MIB, content: filesystem(format, '/') }]);
const encrypted: Storage = uefi([
  {
    name: 'root',
    type: 'linux',
    size: 512 * MIB,
    content: {
      type: 'luks',
      name: 'root_crypt',
      cipher: 'aes-xts-plain64',
      keyBits: 512,
      sectorSize: 512,
      pbkdf: 'pbkdf2',
      pbkdfMemory: 0,
      pbkdfIterations: 1000,
      content: filesystem('ext4', '/'),
    },
  },
]);

describe('what the manifest says of disks', () => {
  it.each([
    [root('ext4'), false, false, undefined],
    [root('btrfs'), false, true, undefined],
    [root('btrfs'), false, false, /order of files/],
    [root('ext4'), true, true, /every build has its own UUIDs/],
    [encrypted, false, true, /key of encrypted storage is random/],
  ])('%#', (storage, random, inMemory, reason) => {
    const [said] = reproducibilityOf(planDisks(storage, 'seed'), random, inMemory);
    expect(said?.disk).toBe('rootfs');
    expect(said?.reproducible).toBe(reason === undefined);
    if (reason !== undefined) expect(said?.reason).toMatch(reason);
  });
});

it('the checksum of btrfs has the value that RFC 3720 gives for it', () => {
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
});
