import fc from 'fast-check';
import type { LvmPlan, Raid1Plan, VolumePlan } from '../../src/disk/types.js';

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** A swap space, where a plan needs some content and no test looks at it. */
const nothing = (start: number, bytes: number): VolumePlan['content'] => ({
  type: 'swap',
  label: '',
  uuid: '00000000-0000-4000-8000-000000000000',
  start,
  bytes,
});

const LETTERS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const lvmId = fc.string({ unit: fc.constantFrom(...LETTERS.split('')), minLength: 32, maxLength: 32 });
const lvmName = fc
  .stringMatching(/^[A-Za-z0-9_.+][A-Za-z0-9_.+-]{0,55}$/)
  .filter((name) => name !== '.' && name !== '..' && !/^(snapshot|pvmove)|_[cmrtviwp]/.test(name));
/** Names that a later `.map` of the list may not double. */
const lvmNames = (most: number): fc.Arbitrary<string[]> => fc.uniqueArray(lvmName, { maxLength: most });

interface LvmShape {
  /** Most volumes of a group. */
  readonly volumes: number;
  /** Most extents of a volume. */
  readonly extents: number;
}

/** Volume groups of all kinds: gaps between volumes, odd sizes of the device, hyphens and dots in names. */
export function lvmPlans({ volumes: most, extents: longest }: LvmShape): fc.Arbitrary<LvmPlan> {
  return fc
    .record({
      name: lvmName,
      ids: fc.uniqueArray(lvmId, { minLength: most + 2, maxLength: most + 2 }),
      names: lvmNames(most),
      lengths: fc.array(fc.record({ gap: fc.nat(3), extents: fc.integer({ min: 1, max: longest }) }), {
        minLength: most,
        maxLength: most,
      }),
      extentBytes: fc.constantFrom(128 * KIB, MIB, 4 * MIB, 32 * MIB),
      peStart: fc.constantFrom(MIB, 2 * MIB, 4 * MIB),
      spare: fc.nat(100_000),
    })
    .map(({ name, ids, names, lengths, extentBytes, peStart, spare }) => {
      const [vgId = '', pvId = '', ...volumeIds] = ids;
      let next = 0;
      const volumes = names.map((volume, index) => {
        const { gap = 0, extents = 1 } = lengths[index] ?? {};
        const firstExtent = next + gap;
        next = firstExtent + extents;
        const content = nothing(peStart + firstExtent * extentBytes, extents * extentBytes);
        return { name: volume, id: volumeIds[index] ?? '', firstExtent, extents, content };
      });
      const bytes = peStart + (next + 1) * extentBytes + spare * 512;
      return { type: 'lvm', name, start: 0, bytes, vgId, pvId, extentBytes, peStart, volumes };
    });
}

/** Arrays of all kinds; the second device is always missing. */
export const raidPlans: fc.Arbitrary<Raid1Plan> = fc
  .record({
    name: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,31}$/),
    devices: fc.integer({ min: 1, max: 4 }),
    uuid: fc.uuid(),
    deviceUuid: fc.uuid(),
    dataOffset: fc.integer({ min: 1, max: 16 }).map((n) => n * MIB),
    sectors: fc.integer({ min: 2048, max: 2 ** 40 }),
  })
  .map(({ sectors, dataOffset, ...rest }) => {
    const bytes = dataOffset + sectors * 512;
    return { type: 'raid1', start: 0, bytes, dataOffset, ...rest, content: nothing(dataOffset, bytes - dataOffset) };
  });

/** An id of LVM's as its tools print it. */
export function dashed(id: string): string {
  return [6, 10, 14, 18, 22, 26].reduceRight<string>((text, n) => `${text.slice(0, n)}-${text.slice(n)}`, id);
}
