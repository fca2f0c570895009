import { describe, expect, it } from 'vitest';
import type { BuildConfig, Hook } from '../../src/config/types.js';
import { digestOf } from '../../src/digest.js';
import { whyMissed } from '../../src/exec/stages.js';
import { describePlan } from '../../src/plan/describe.js';
import { makePlan } from '../../src/plan/plan.js';

function hook(name: string, more: Partial<Hook> = {}): Hook {
  return {
    collection: 'base',
    phase: 'customize',
    name,
    file: { root: 'imgbuild', path: `base/hooks/customize/${name}` },
    sha256: digestOf(name),
    options: [],
    disk: [],
    secrets: [],
    filesDigest: '',
    ...more,
  };
}

function config(more: Partial<BuildConfig> = {}): BuildConfig {
  return {
    profile: 'web',
    suite: 'bookworm',
    architecture: 'amd64',
    collections: [
      {
        name: 'base',
        description: '',
        overlays: [],
        hooks: [hook('10-a.sh', { options: ['hostname'] }), hook('05-b.sh')],
      },
      {
        name: 'extra',
        description: '',
        overlays: [],
        hooks: [hook('05-a.sh', { collection: 'extra' }), hook('late.sh')],
      },
    ],
    options: {
      'apt.mirror': '',
      'apt.securityMirror': '',
      'apt.updates': true,
      'apt.components': ['main'],
      'apt.variant': 'apt',
      'apt.sources': [],
      mergedUsr: true,
      'output.zstdLevel': 3,
      hostname: 'web1',
      unused: 'x',
    },
    secrets: {},
    packages: { shared: ['less'], extra: ['cron'] },
    outputs: ['tar.zst'],
    seed: 'seed',
    roots: { imgbuild: '/somewhere' },
    ...more,
  };
}

const digests = (c: BuildConfig): Record<string, string> =>
  Object.fromEntries(makePlan(c).stages.map((stage) => [stage.name, stage.digest]));

/** Names of the stages whose digests differ. */
function changed(a: BuildConfig, b: BuildConfig): string[] {
  const before = digests(a);
  return Object.entries(digests(b))
    .filter(([name, digest]) => before[name] !== digest)
    .map(([name]) => name);
}

describe('a limit of the size', () => {
  it('stands in the plan, and no stage depends on it', () => {
    const limited = makePlan(config({ maxSize: { bytes: 800 << 20, brings: { base: ['less'] } } }));
    const free = makePlan(config());
    expect(limited.stages).toEqual(free.stages);
    expect(limited.maxSize?.bytes).toBe(800 << 20);
    expect(describePlan(limited, {})).toMatch(/^at most +800\.0 MiB of files$/m);
    expect(describePlan(free, {})).not.toContain('at most');
  });
});

describe('makePlan', () => {
  it('is the same for the same configuration wherever its files lie', () => {
    expect(changed(config(), config({ roots: { imgbuild: '/elsewhere' } }))).toEqual([]);
    expect(changed(config(), config({ profile: 'db' }))).toEqual([]);
  });

  it.each([
    ['suite', config({ suite: 'trixie' }), ['base', 'packages', 'configure', 'output']],
    [
      'a shared package',
      config({ packages: { shared: ['vim'], extra: ['cron'] } }),
      ['base', 'packages', 'configure', 'output'],
    ],
    [
      'a package of the profile',
      config({ packages: { shared: ['less'], extra: ['tmux'] } }),
      ['packages', 'configure', 'output'],
    ],
    [
      'an option that a hook reads',
      config({ options: { ...config().options, hostname: 'b' } }),
      ['configure', 'output'],
    ],
    ['an option that no hook reads', config({ options: { ...config().options, unused: 'y' } }), []],
    ['the level of compression', config({ options: { ...config().options, 'output.zstdLevel': 9 } }), ['output']],
    [
      'a mirror',
      config({ options: { ...config().options, 'apt.mirror': 'http://mirror.example/debian' } }),
      ['base', 'packages', 'configure', 'output'],
    ],
  ])('changes just the stages that %s goes into', (_, other, stages) => {
    expect(changed(config(), other)).toEqual(stages);
  });

  it('runs hooks by number, then in the order of collections, those without a number last', () => {
    const step = makePlan(config()).stages[2]?.steps[0];
    const names =
      step?.kind === 'phase'
        ? step.items.map((item) => (item.kind === 'hook' ? `${item.collection}:${item.name}` : ''))
        : [];
    expect(names).toEqual(['base:05-b.sh', 'extra:05-a.sh', 'base:10-a.sh', 'base:late.sh']);
  });

  it('gives a hook the options that it mentions and no other', () => {
    const step = makePlan(config()).stages[2]?.steps[0];
    const items = step?.kind === 'phase' ? step.items : [];
    const env = items.flatMap((item) => (item.kind === 'hook' && item.name === '10-a.sh' ? [item.env] : []))[0];
    expect(env).toEqual({
      ARCH: 'amd64',
      COLLECTION: 'base',
      OPT_HOSTNAME: 'web1',
      PHASE: 'customize',
      SUITE: 'bookworm',
    });
  });

  it('knows of a secret that it is given, and not what it is', () => {
    const withSecret = (value: string): BuildConfig => {
      const [base] = config().collections;
      const collections =
        base === undefined ? [] : [{ ...base, hooks: [hook('14-p.sh', { secrets: ['rootPassword'] })] }];
      return config({ collections, secrets: { rootPassword: { value } } });
    };
    expect(changed(withSecret('one'), withSecret('two'))).toEqual([]);
    expect(JSON.stringify(makePlan(withSecret('hunter2')))).not.toContain('hunter2');
    const { collections } = withSecret('x');
    expect(changed(withSecret('x'), config({ collections }))).toEqual(['configure', 'output']);
  });
});

describe('whyMissed', () => {
  const before = [
    { name: 'suite', digest: 'a' },
    { name: 'option x', digest: 'b' },
    { name: 'hook y', digest: 'c' },
  ];
  it.each([
    [before, undefined, 'first build of this profile'],
    [[...before.slice(0, 2)], before, 'hook y is gone'],
    [[{ name: 'suite', digest: 'b' }, ...before.slice(1)], before, 'suite changed'],
    [[...before, { name: 'hook z', digest: 'd' }], before, 'hook z changed'],
    [before, before, 'a stage before it was built again, or the cache was pruned'],
  ])('names what differs (%#)', (now, old, text) => {
    expect(whyMissed(now, old, false)).toBe(text);
  });

  it('does not blame a stage before the first', () => {
    expect(whyMissed(before, before, true)).toBe('the archive or the builder changed, or the cache was pruned');
    expect(whyMissed([], before, true)).toBe('suite is gone, option x is gone, hook y is gone');
  });
});

describe('describePlan', () => {
  it('shows collections, packages, hooks, and the stages with hit or miss', () => {
    const plan = makePlan(config());
    const text = describePlan(plan, {
      base: { state: 'hit', why: '' },
      packages: { state: 'miss', why: 'packages changed' },
    });
    expect(text).toContain('collections  base extra');
    expect(text).toMatch(/^base +cached/m);
    expect(text).toMatch(/^packages +to build .*\(packages changed\)$/m);
    expect(text).toContain('hook     extra: 05-a.sh');
  });
});

describe('digestOf', () => {
  it('does not see the order of keys, and sees that of lists', () => {
    expect(digestOf({ a: 1, b: [1, 2] })).toBe(digestOf({ b: [1, 2], a: 1 }));
    expect(digestOf([1, 2])).not.toBe(digestOf([2, 1]));
    expect(digestOf({ a: undefined })).toBe(digestOf({}));
  });
});
