import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Context } from '../../src/exec/context.js';
import type { Artefact } from '../../src/exec/formats/types.js';
import { publish, type ManifestFacts } from '../../src/exec/publish.js';
import { unpublished } from '../../src/exec/publish-files.js';
import type { BuildSettings } from '../../src/exec/types.js';
import { findUnchanged, rememberOutput, type OutputRecord } from '../../src/exec/uptodate.js';
import type { BuildPlan } from '../../src/plan/types.js';
import { CHECKOUT } from '../support/cli.js';

let top: string;
beforeEach(() => {
  top = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-'));
  mkdirSync(path.join(top, 'out'));
});
afterEach(() => {
  rmSync(top, { recursive: true, force: true });
});

const names = () => readdirSync(path.join(top, 'out/web')).sort();
const settings = (more: Partial<BuildSettings> = {}): BuildSettings => ({
  cacheDir: path.join(top, 'cache'),
  outputDir: path.join(top, 'out'),
  workDir: top,
  keep: 0,
  nameStyle: 'imgbuild',
  aptProxy: '',
  offline: false,
  builderDigest: '',
  force: false,
  plain: false,
  ...more,
});

function contextOf(more: Partial<BuildSettings> = {}): Context {
  return {
    profile: 'web',
    settings: settings(more),
    work: top,
    roots: {},
    emit: () => undefined,
    log: () => undefined,
    signal: new AbortController().signal,
    sound: new Set(),
  };
}

const FACTS: ManifestFacts = {
  plan: {
    profile: 'web',
    suite: 'bookworm',
    architecture: 'amd64',
    collections: [],
    options: {},
    secrets: [],
    disks: [],
  } as unknown as BuildPlan,
  inventory: { debianVersion: '12.9', packages: [] },
  epoch: 0,
  digests: {},
  archive: [],
  tools: {},
};

/** A format that writes one file. */
const file = (part: string, suffix: string, text: string, bytes = text.length): Artefact => ({
  bytes,
  write: (files) => {
    writeSync(files.newFile(part, suffix).fd, text);
    return Promise.resolve();
  },
});

const DISKS = [file('rootfs', '.qcow2', 'disk'), file('swap', '.qcow2', 'swap'), file('vm', '.ova', 'machine')];
const AT = { sourceDateEpoch: 1_600_000_000 };
const STAMP = '2020-09-13_1600000000';

describe('publishing', () => {
  it('gives a build of several files one manifest, sums that hold, and a link for each', async () => {
    const files = await publish(contextOf(AT), DISKS, { ...FACTS, handover: (all) => all.map((f) => f.name).join() });
    expect(files.map((entry) => entry.path)).toEqual([
      `web/web_rootfs_${STAMP}.qcow2`,
      `web/web_swap_${STAMP}.qcow2`,
      `web/web_vm_${STAMP}.ova`,
      `web/web_rootfs_${STAMP}.qcow2.handover.md`,
      `web/web_rootfs_${STAMP}.qcow2.manifest.json`,
    ]);
    const directory = path.join(top, 'out/web');
    expect(names()).toEqual(
      [
        'SHA256SUMS',
        'web_rootfs.qcow2',
        'web_swap.qcow2',
        'web_vm.ova',
        ...files.map((entry) => path.basename(entry.path)),
      ].sort(),
    );
    expect(readlinkSync(path.join(directory, 'web_vm.ova'))).toBe(`web_vm_${STAMP}.ova`);
    expect(readFileSync(path.join(directory, 'web_swap.qcow2'), 'utf8')).toBe('swap');
    expect(readFileSync(path.join(top, 'out', files[3]?.path ?? ''), 'utf8')).toContain(`web_vm_${STAMP}.ova`);
    const manifest = JSON.parse(readFileSync(path.join(top, 'out', files[4]?.path ?? ''), 'utf8')) as {
      files: { name: string; sha256: string }[];
    };
    expect(manifest.files.map((entry) => entry.name)).toEqual(files.slice(0, 4).map((f) => path.basename(f.path)));
    execFileSync('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: directory });
    expect(readFileSync(path.join(directory, 'SHA256SUMS'), 'utf8').trimEnd().split('\n')).toHaveLength(5);
  });

  it('takes the next second when a name of this one is taken, whatever its format', async () => {
    const now = Math.floor(Date.now() / 1000);
    const day = new Date(now * 1000).toISOString().slice(0, 10);
    mkdirSync(path.join(top, 'out/web'));
    for (let n = 0; n < 30; n++)
      writeFileSync(path.join(top, 'out/web', `web_rootfs_${day}_${String(now + n)}.vmdk`), '');
    const [first] = await publish(contextOf(), DISKS, FACTS);
    expect(Number(/_(\d+)\.qcow2$/.exec(first?.path ?? '')?.[1])).toBeGreaterThanOrEqual(now + 30);
  });

  it('keeps whole builds, and no link to what it removes', async () => {
    const ova = [file('vm', '.ova', 'machine')];
    await publish(contextOf({ sourceDateEpoch: 1 }), [...DISKS], FACTS);
    await sleep(20);
    await publish(contextOf({ sourceDateEpoch: 2 }), ova, FACTS);
    await sleep(20);
    await publish(contextOf({ sourceDateEpoch: 3, keep: 2 }), ova, FACTS);
    expect(names()).toEqual([
      'SHA256SUMS',
      'web_vm.ova',
      ...[2, 3].flatMap((n) => [
        `web_vm_1970-01-01_${String(n)}.ova`,
        `web_vm_1970-01-01_${String(n)}.ova.manifest.json`,
      ]),
    ]);
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: path.join(top, 'out/web') });
  });

  it('replaces the whole build of the same moment, also when its first file was another', async () => {
    await publish(contextOf(AT), [file('rootfs', '.tar.zst', 'old'), ...DISKS], FACTS);
    await publish(contextOf(AT), [file('rootfs', '.qcow2', 'new')], FACTS);
    const dated = names().filter((name) => name.includes(STAMP));
    expect(dated).toEqual([`web_rootfs_${STAMP}.qcow2`, `web_rootfs_${STAMP}.qcow2.manifest.json`]);
    expect(readFileSync(path.join(top, 'out/web/web_rootfs.qcow2'), 'utf8')).toBe('new');
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: path.join(top, 'out/web') });
  });

  it('leaves holes in a disk image, and hashes what is around them', async () => {
    const disk: Artefact = {
      bytes: 4096,
      write: (files) => {
        const { fd } = files.newFile('rootfs', '.raw');
        ftruncateSync(fd, 64 << 20);
        writeSync(fd, 'end', (64 << 20) - 3);
        return Promise.resolve();
      },
    };
    const [published] = await publish(contextOf(), [disk], FACTS);
    const stat = statSync(path.join(top, 'out', published?.path ?? ''));
    expect(stat.size).toBe(64 << 20);
    expect(stat.blocks * 512).toBeLessThan(1 << 20);
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: path.join(top, 'out/web') });
  });

  it('says beforehand how much room is missing', async () => {
    const huge = [...DISKS, file('rootfs', '.raw', '', 2 ** 60)];
    await expect(publish(contextOf(), huge, FACTS)).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/has .* free, the files need up to .*/) as string,
    });
    expect(names()).toEqual([]);
  });

  it('leaves nothing of a format that fails, and nothing of those before it', async () => {
    const failing: Artefact = { bytes: 0, write: () => Promise.reject(new Error('cannot')) };
    await expect(publish(contextOf(), [...DISKS, failing], FACTS)).rejects.toThrow('cannot');
    expect(names()).toEqual([]);
  });

  it('refuses that two formats write one file', async () => {
    await expect(publish(contextOf(), [...DISKS, ...DISKS], FACTS)).rejects.toThrow('two formats write web_rootfs_');
  });

  it('removes what a build that was killed has left', async () => {
    mkdirSync(path.join(top, 'out/web/.imgbuild-abc'), { recursive: true });
    writeFileSync(path.join(top, 'out/web/.imgbuild-abc/0'), 'half');
    await publish(contextOf(AT), DISKS, FACTS);
    expect(names().filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('has nothing to be left when it is killed', async () => {
    const script = `
      import { unpublished } from '${CHECKOUT}/dist/exec/publish-files.js';
      import { writeSync } from 'node:fs';
      const file = unpublished('${top}', '${top}').open('image');
      writeSync(file.fd, 'half');
      console.log('written');
      setTimeout(() => {}, 60_000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(readdirSync(top)).toEqual(['out']);
  });
});

describe('a filesystem without unnamed files', () => {
  it('has them in a hidden directory until they appear', () => {
    const files = unpublished(top, top, false);
    const [one, two] = [files.open('one'), files.open('two')];
    writeFileSync(one.path, '1');
    writeSync(two.fd, '2');
    expect(readdirSync(top).filter((name) => !name.startsWith('.imgbuild-'))).toEqual(['out']);
    files.appear();
    files.close();
    expect(readdirSync(top).sort()).toEqual(['one', 'out', 'two']);
    expect(readFileSync(path.join(top, 'one'), 'utf8')).toBe('1');
  });

  it('keeps nothing of what did not appear', () => {
    const files = unpublished(top, top, false);
    files.open('one');
    files.close();
    expect(readdirSync(top)).toEqual(['out']);
  });
});

describe('an unnamed file', () => {
  it('can be written by tools through its path, and replaces what has its name', () => {
    writeFileSync(path.join(top, 'image'), 'old');
    const files = unpublished(top, top);
    const { path: name } = files.open('image');
    execFileSync('sh', ['-c', 'echo new > "$1"', 'sh', name]);
    expect(readFileSync(path.join(top, 'image'), 'utf8')).toBe('old');
    files.appear();
    files.close();
    expect(readFileSync(path.join(top, 'image'), 'utf8')).toBe('new\n');
    expect(readdirSync(top).sort()).toEqual(['image', 'out']);
  });
});

describe('the newest output', () => {
  const record = (files: OutputRecord['files']): OutputRecord => ({
    profile: 'web',
    key: 'k',
    planDigest: '',
    builderDigest: '',
    secretsTag: '',
    nameStyle: 'imgbuild',
    sourceDateEpoch: null,
    releases: [],
    files,
  });

  it.each([
    ['nothing has happened', () => undefined, true],
    [
      'one of the files is gone',
      () => {
        rmSync(path.join(top, `out/web/web_vm_${STAMP}.ova`));
      },
      false,
    ],
    [
      'one of the files is shorter',
      () => {
        writeFileSync(path.join(top, `out/web/web_swap_${STAMP}.qcow2`), '');
      },
      false,
    ],
    [
      'a link is gone',
      () => {
        rmSync(path.join(top, 'out/web/web_vm.ova'));
      },
      false,
    ],
    [
      'a link leads elsewhere',
      () => {
        rmSync(path.join(top, 'out/web/web_swap.qcow2'));
        symlinkSync('SHA256SUMS', path.join(top, 'out/web/web_swap.qcow2'));
      },
      false,
    ],
    [
      'a file has taken the place of a link',
      () => {
        rmSync(path.join(top, 'out/web/web_swap.qcow2'));
        writeFileSync(path.join(top, 'out/web/web_swap.qcow2'), '');
      },
      false,
    ],
    [
      'the sums are gone',
      () => {
        rmSync(path.join(top, 'out/web/SHA256SUMS'));
      },
      false,
    ],
  ])('is what was asked for when %s: %#', async (_, happen, unchanged) => {
    const files = await publish(contextOf(AT), DISKS, FACTS);
    mkdirSync(path.join(top, 'cache'));
    rememberOutput(settings(), record(files));
    happen();
    expect(findUnchanged(settings(), record([]))?.files).toEqual(unchanged ? files : undefined);
    expect(existsSync(path.join(top, 'cache/outputs'))).toBe(true);
  });
});
