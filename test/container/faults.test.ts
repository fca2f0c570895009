import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  build,
  buildEnv,
  CACHE,
  failingBuild,
  imageDigest,
  imagePath,
  withDirectory,
  type Built,
} from '../support/build.js';
import { PROFILE, reference, storedPackage, withCacheCopy } from '../support/caches.js';
import { CHECKOUT, imgbuild, runCommand } from '../support/cli.js';

let first: Built;
let digest: string;
beforeAll(async () => {
  first = await reference();
  digest = imageDigest(first);
});

/** Runs a build in a mount namespace of its own, after some mounts. */
async function buildWithMounts(mounts: string, args: readonly string[]) {
  const script = `${mounts}\nexec "$@"`;
  const argv = [
    'unshare',
    '--mount',
    'sh',
    '-euc',
    script,
    'sh',
    process.execPath,
    `${CHECKOUT}/dist/bundle/cli.js`,
    'build',
    ...args,
  ];
  return await runCommand(argv, { env: buildEnv() });
}

/** Builds the common profile with a cache, and throws the files away. */
async function buildWith(cache: string) {
  return await withDirectory((output) =>
    imgbuild(['build', '--json', PROFILE, '--output', output], { env: buildEnv(cache) }),
  );
}

/** Puts a shorter copy in the place of a file, which may have other names. */
function truncate(file: string, bytes: (now: number) => number): void {
  const whole = readFileSync(file);
  rmSync(file);
  writeFileSync(file, whole.subarray(0, Math.floor(bytes(whole.length))));
}

/** The mirror that mmdebstrap takes by itself, as the cache remembers it. */
function defaultMirror(): string {
  const directory = path.join(CACHE, 'apt');
  const file = readdirSync(directory).find((name) => name.startsWith('default-bookworm')) ?? '';
  return /\S+:\/\/\S+/.exec(readFileSync(path.join(directory, file), 'utf8'))?.[0] ?? '';
}

/** A profile that takes a package of 8 KiB from the archive of another suite, with a key beside the profile. */
function furtherArchive(directory: string, key: string): string {
  const profile = path.join(directory, 'further.yaml');
  const source = { name: 'other', uris: [defaultMirror()], suites: ['trixie'], components: ['contrib'], key };
  const options = JSON.stringify({ 'apt.sources': [source] });
  const text = `suite: bookworm\narchitecture: amd64\ncollections: [targets/lxc]\npackages: [crafty-bitmaps]\noptions: ${options}\n`;
  writeFileSync(profile, text);
  return profile;
}

describe('a build that cannot succeed says why, and loses nothing', () => {
  it('hook: names collection, hook and line, and keeps the tree and the log', async () => {
    await withDirectory(async (directory) => {
      const collections = path.join(directory, 'collections');
      const hooks = path.join(collections, 'broken/hooks/customize');
      mkdirSync(hooks, { recursive: true });
      writeFileSync(path.join(collections, 'broken/collection.yaml'), 'description: Fails.\nrequires: [base]\n');
      writeFileSync(
        path.join(hooks, '60-fail.sh'),
        'say "about to fail"\n\ntouch "$ROOT/etc/was-here"\nfalse || grep -q nothing /dev/null\nsay "never said"\n',
      );
      const profile = path.join(directory, 'bad.yaml');
      // The same packages, so that the stages before come from the cache.
      const whole = `${CHECKOUT}/profiles/examples/deb12/deb12-amd64-lxc.yaml`;
      writeFileSync(profile, `extends: ${whole}\ncollections: [broken]\n`);
      const out = path.join(directory, 'out');
      const outcome = await failingBuild([profile, '--collection-dir', collections, '--output', out]);
      expect(outcome.code).toBe(5);
      expect(outcome.stderr).toContain('broken/customize/60-fail.sh line 4');
      expect(outcome.stderr).toContain('about to fail');
      expect(outcome.stderr).not.toContain('never said');
      expect(readFileSync(path.join(out, 'bad/bad_failed.log'), 'utf8')).toContain('about to fail');
      const env = buildEnv();
      const shell = await runCommand(
        [
          process.execPath,
          `${CHECKOUT}/dist/bundle/cli.js`,
          'shell',
          profile,
          '--collection-dir',
          collections,
          '--failed',
          '--',
          'ls',
          '/etc/was-here',
        ],
        { env },
      );
      expect(shell.stdout.trim()).toBe('/etc/was-here');
    });
  });

  it('a package that does not exist: exit 2 and its name', async () => {
    await withDirectory(async (directory) => {
      const profile = path.join(directory, 'nopkg.yaml');
      writeFileSync(
        profile,
        'suite: bookworm\narchitecture: amd64\ncollections: [targets/lxc]\npackages: [no-such-package-here]\n',
      );
      const outcome = await failingBuild([profile, '--output', directory]);
      expect(outcome.code).toBe(2);
      expect(outcome.stderr).toContain('no-such-package-here');
    });
  });

  it('archive out of reach: exit 4 and what to check', async () => {
    await withDirectory(async (directory) => {
      const outcome = await failingBuild([
        PROFILE,
        '--output',
        directory,
        '--set',
        'apt.mirror=http://127.0.0.1:9/debian',
        '--set',
        'apt.securityMirror=none',
      ]);
      expect(outcome.code).toBe(4);
      expect(outcome.stderr).toMatch(/apt\.mirror/);
    });
  });

  it('wrong key: exit 4, what is missing, and the option', async () => {
    await withDirectory(async (directory) => {
      const home = path.join(directory, 'gpg');
      mkdirSync(home, { mode: 0o700 });
      const gpg = (...args: string[]): string =>
        execFileSync('gpg', ['--homedir', home, '--batch', ...args], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        });
      gpg('--passphrase', '', '--quick-generate-key', 'test@example.org', 'rsa3072');
      writeFileSync(path.join(directory, 'wrong.asc'), gpg('--armor', '--export'));
      const outcome = await failingBuild([furtherArchive(directory, 'wrong.asc'), '--output', directory]);
      expect(outcome.code, outcome.stderr).toBe(4);
      // gpgv says NO_PUBKEY and the key's id, sqv (apt 3.0) that a key is missing, and its fingerprint.
      expect(outcome.stderr).toMatch(/(?:NO_PUBKEY|Missing key) [0-9A-F]{16}/);
      expect(outcome.stderr).toContain('does not match the key: check `key` of the source in apt.sources');
    });
  });

  it('right key: a package comes from there, and the image keeps the archive and its key', async () => {
    await withDirectory(async (directory) => {
      const inImage = (image: string, name: string): string =>
        execFileSync('tar', ['--zstd', '-xOf', image, `./${name}`], { encoding: 'utf8' });
      const key = inImage(imagePath(first), 'etc/apt/trusted.gpg.d/debian-archive-trixie-automatic.asc');
      writeFileSync(path.join(directory, 'right.asc'), key);
      const image = imagePath(await build([furtherArchive(directory, 'right.asc'), '--output', directory]));
      // The suite of the image has no such package.
      expect(inImage(image, 'var/lib/dpkg/status')).toContain('Package: crafty-bitmaps\n');
      expect(inImage(image, 'etc/apt/sources.list.d/other.sources')).toBe(
        `Types: deb\nURIs: ${defaultMirror()}\nSuites: trixie\nComponents: contrib\nSigned-By: /etc/apt/keyrings/other.asc\n`,
      );
      expect(inImage(image, 'etc/apt/keyrings/other.asc')).toBe(`${key.trim()}\n`);
    });
  });

  it('truncated package in the cache: fetched again, with a warning, and the image is the same', async () => {
    await withCacheCopy(['packages', 'configure'], async (cache) => {
      for (const name of ['sudo', 'python3-apt']) truncate(storedPackage(first, cache, name), (bytes) => bytes / 2);
      const outcome = await buildWith(cache);
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(outcome.stderr).toMatch(/sudo\S* in the package cache is damaged; fetching it again/);
      expect(outcome.stderr).toMatch(/python3-apt\S* in the package cache is damaged; fetching it again/);
      expect(imageDigest(JSON.parse(outcome.stdout) as Built)).toBe(digest);
    });
  });

  it('damaged pieces of cached stages: made again, with a warning, and the image is the same', async () => {
    await withCacheCopy([], async (cache) => {
      const stages = path.join(cache, 'stages');
      const frames = readdirSync(stages)
        .map((name) => readFileSync(path.join(stages, name), 'utf8'))
        .map((text) => JSON.parse(text) as { stage: string; profile: string; frames: string[] })
        .filter((entry) => entry.stage === 'configure' && entry.profile === PROFILE)
        .flatMap((entry) => [entry.frames[1], entry.frames[3]]);
      const damaged = new Set(frames.filter((frame) => frame !== undefined));
      expect(damaged.size).toBeGreaterThan(1);
      for (const frame of damaged) truncate(path.join(cache, 'frames', frame.slice(0, 2), frame), (bytes) => bytes / 2);
      const outcome = await buildWith(cache);
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(outcome.stderr).toMatch(/damaged pieces of the cache are made again/);
      expect(imageDigest(JSON.parse(outcome.stdout) as Built)).toBe(digest);
    });
  });

  it.each(['3M', '60M', '120M'])('work directory of %s: exit 3 and --work disk', async (size) => {
    await withDirectory(async (directory) => {
      const outcome = await failingBuild([
        PROFILE,
        '--output',
        directory,
        '--force',
        '--work',
        'tmpfs',
        '--work-size',
        size,
      ]);
      expect(outcome.code, outcome.stderr).toBe(3);
      expect(outcome.stderr).toContain('--work disk');
      const next = await build([PROFILE, '--output', directory]);
      expect(next.results[0]?.state).toBe('built');
    });
  });

  it('cache disk full: exit 3, not the fault of the archive', async () => {
    await withDirectory(async (directory) => {
      const cache = path.join(directory, 'cache');
      mkdirSync(cache);
      const mounts = `mount -t tmpfs -o size=12m tmpfs ${cache}\nmkdir ${cache}/builder\nmount --bind ${CACHE}/builder ${cache}/builder`;
      const argv = ['unshare', '--mount', 'sh', '-euc', `${mounts}\nexec "$@"`, 'sh'];
      const outcome = await runCommand(
        [...argv, process.execPath, `${CHECKOUT}/dist/bundle/cli.js`, 'build', PROFILE, '--output', directory],
        { env: buildEnv(cache) },
      );
      expect(outcome.code, outcome.stderr).toBe(3);
      expect(outcome.stderr).toMatch(/cache directory is full|IMGBUILD_CACHE_DIR/);
    });
  });

  it('output disk full: exit 3, nothing partial, and the next build has its stages', async () => {
    await withDirectory(async (directory) => {
      const outcome = await buildWithMounts(`mount -t tmpfs -o size=20m tmpfs ${directory}`, [
        PROFILE,
        '--output',
        directory,
      ]);
      expect(outcome.code, outcome.stderr).toBe(3);
      expect(outcome.stderr).toMatch(/free|full/);
      const again = await runCommand(
        [process.execPath, `${CHECKOUT}/dist/bundle/cli.js`, 'build', PROFILE, '--output', directory],
        {
          env: buildEnv(),
        },
      );
      expect(again.stderr).toMatch(/configure +cached/);
    });
  });

  it('output that cannot be written: exit 3', async () => {
    await withDirectory(async (directory) => {
      const mounts = `mount --bind ${directory} ${directory}\nmount -o remount,bind,ro ${directory}`;
      const outcome = await buildWithMounts(mounts, [PROFILE, '--output', directory]);
      expect(outcome.code, outcome.stderr).toBe(3);
      expect(outcome.stderr).toMatch(/read-only|written/);
      const file = path.join(directory, 'file');
      writeFileSync(file, '');
      const onFile = await failingBuild([PROFILE, '--output', file]);
      expect(onFile.code).toBe(3);
      expect(onFile.stderr).toContain('is not a directory');
      rmSync(file);
    });
  });
});

describe('two builds of one profile at once', () => {
  it('both succeed with the same image', async () => {
    await withDirectory(async (directory) => {
      const builds = await withCacheCopy(['packages', 'configure'], (cache) =>
        Promise.all([1, 2].map(() => build([PROFILE, '--output', directory], buildEnv(cache)))),
      );
      expect(builds.map(imageDigest)).toEqual([digest, digest]);
      execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: path.join(directory, PROFILE) });
      const sums = readFileSync(path.join(directory, PROFILE, 'SHA256SUMS'), 'utf8');
      for (const built of builds) expect(sums).toContain(path.basename(built.results[0]?.files[0]?.path ?? 'none'));
    });
  });
});
