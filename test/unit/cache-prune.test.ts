import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  GRACE,
  planPrune,
  totalBytes,
  type CacheContent,
  type CacheFrame,
  type CacheStage,
} from '../../src/commands/cache-prune.js';

const NOW = 1_000_000_000;
const DAY = 86_400;

function stage(key: string, age: number, frames: readonly string[]): CacheStage {
  return {
    path: `stages/${key}.json`,
    bytes: 1,
    used: NOW - age,
    key,
    stage: 'packages',
    profile: 'p',
    created: 0,
    frames,
  };
}

function frame(name: string, age = 10 * DAY, bytes = 100): CacheFrame {
  return { path: `frames/${name.slice(0, 2)}/${name}`, bytes, used: NOW - age, name };
}

function content(part: Partial<CacheContent>): CacheContent {
  return { stages: [], frames: [], debs: [], others: [], builders: [], leftovers: [], ...part };
}

function removed(cache: CacheContent, request: Partial<Parameters<typeof planPrune>[1]> = {}): string[] {
  return planPrune(cache, { all: false, now: NOW, alone: true, ...request }).remove.map((file) => file.path);
}

const old = stage('old', 8 * DAY, ['aa', 'bb']);
const fresh = stage('new', DAY, ['bb', 'cc']);
const deb = { path: 'debs/00/x.deb', bytes: 1000, used: NOW - 3 * DAY };
const cache = content({
  stages: [old, fresh],
  frames: ['aa', 'bb', 'cc', 'dd'].map((name) => frame(name)),
  debs: [deb],
  leftovers: [{ path: 'work/dead', bytes: 5, used: NOW - 2 * DAY }],
});

describe('cache prune', () => {
  it('removes only what nobody needs when nothing is asked for', () => {
    expect(removed(cache)).toEqual(['work/dead', 'frames/dd/dd']);
  });

  it('removes old stages, and pieces that no other stage names, index first', () => {
    expect(removed(cache, { olderThan: 7 * DAY })).toEqual([
      'stages/old.json',
      'work/dead',
      'frames/aa/aa',
      'frames/dd/dd',
    ]);
  });

  it('removes packages by their last use', () => {
    expect(removed(cache, { olderThan: 2 * DAY })).toContain('debs/00/x.deb');
    expect(removed(cache, { olderThan: 4 * DAY })).not.toContain('debs/00/x.deb');
  });

  it('removes the least recently used stage first to fit a size, then packages', () => {
    const size = (maxSize: number) => removed(cache, { maxSize }).filter((path) => !/dead|dd/.test(path));
    expect(size(1302)).toEqual([]);
    expect(size(1250)).toEqual(['stages/old.json', 'frames/aa/aa']);
    expect(size(1000)).toEqual(['stages/old.json', 'stages/new.json', 'frames/aa/aa', 'frames/bb/bb', 'frames/cc/cc']);
    expect(size(999)).toContain('debs/00/x.deb');
  });

  it('leaves builders to the verb that makes them', () => {
    const builders = [{ path: 'builder/1234', bytes: 500, used: 0 }];
    expect(removed(content({ builders }), { olderThan: 1, maxSize: 0 })).toEqual([]);
    expect(removed(content({ builders }), { all: true })).toEqual([]);
  });

  it('removes everything when told', () => {
    expect(removed(cache, { all: true })).toHaveLength(8);
  });

  it('leaves young pieces that no stage names yet, unless everything shall go', () => {
    const half = content({ frames: [frame('aa', GRACE / 2)] });
    expect(removed(half)).toEqual([]);
    expect(removed(half, { all: true })).toEqual(['frames/aa/aa']);
  });

  it('keeps all that a running build may read', () => {
    const young = stage('young', GRACE / 2, ['aa']);
    const busy = planPrune(content({ ...cache, stages: [old, fresh, young] }), { all: true, now: NOW, alone: false });
    expect(busy.remove.map((file) => file.path)).toEqual(['stages/old.json', 'stages/new.json', 'work/dead']);
    expect(busy.postponed).toBe(6);
  });

  it('never leaves a stage without its pieces, and fits the size when it is alone', () => {
    const names = ['aa', 'bb', 'cc', 'dd', 'ee', 'ff'];
    const stages = fc.array(
      fc.record({ age: fc.nat(20 * DAY), frames: fc.subarray(names) }).map(({ age, frames }) => ({ age, frames })),
    );
    fc.assert(
      fc.property(
        stages,
        fc.nat(700),
        fc.option(fc.nat(20 * DAY), { nil: undefined }),
        fc.boolean(),
        (list, maxSize, age, alone) => {
          const all = content({
            stages: list.map((entry, n) => stage(String(n), entry.age, entry.frames)),
            frames: names.map((name) => frame(name)),
          });
          const plan = planPrune(all, {
            all: false,
            now: NOW,
            alone,
            maxSize,
            ...(age === undefined ? {} : { olderThan: age }),
          });
          const gone = new Set(plan.remove.map((file) => file.path));
          expect(gone.size).toBe(plan.remove.length);
          const kept = all.stages.filter((entry) => !gone.has(entry.path));
          const there = new Set(all.frames.filter((piece) => !gone.has(piece.path)).map((piece) => piece.name));
          for (const entry of kept) for (const name of entry.frames) expect(there).toContain(name);
          if (alone) {
            const left = totalBytes(all) - plan.remove.reduce((sum, file) => sum + file.bytes, 0);
            expect(left).toBeLessThanOrEqual(maxSize);
          }
        },
      ),
    );
  });
});
