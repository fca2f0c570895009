import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { build, buildEnv, imageDigest, imagePath, startVerb, withDirectory, type Built } from '../support/build.js';
import { PROFILE, reference, REFERENCE_OUTPUT, withCacheCopy } from '../support/caches.js';
import { CHECKOUT, imgbuild } from '../support/cli.js';

let first: Built;
beforeAll(async () => {
  first = await reference();
});

function members(image: string): string[] {
  return execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--file', image], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  })
    .trimEnd()
    .split('\n');
}

describe('a built template', () => {
  it('has a dated name, a link, a manifest and sums that hold', () => {
    const image = imagePath(first);
    const directory = path.dirname(image);
    expect(path.basename(image)).toMatch(/^deb12-amd64-lxc_rootfs_\d{4}-\d\d-\d\d_\d+\.tar\.zst$/);
    expect(statSync(path.join(directory, `${PROFILE}_rootfs.tar.zst`)).size).toBeGreaterThan(10_000_000);
    expect(readlinkSync(path.join(directory, `${PROFILE}_rootfs.tar.zst`))).toMatch(/^deb12-amd64-lxc_rootfs_/);
    execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: directory });
    const manifest = JSON.parse(readFileSync(`${image}.manifest.json`, 'utf8')) as {
      packages: { name: string; version: string; source: string }[];
      files: { sha256: string }[];
      tools: Record<string, string>;
      archive: { uri: string }[];
    };
    expect(manifest.packages.length).toBeGreaterThan(100);
    expect(manifest.packages.find((p) => p.name === 'openssh-server')?.source).toBe('openssh');
    expect(manifest.files[0]?.sha256).toBe(imageDigest(first));
    expect(manifest.tools['mmdebstrap']).toMatch(/^\d/);
    expect(manifest.archive.length).toBeGreaterThan(0);
  });

  it('follows the rules of a template for Proxmox', () => {
    const list = members(imagePath(first));
    expect(list.every((line) => line.includes(' ./'))).toBe(true);
    // No device nodes: `--exclude ./dev/*` is what pct does, and mknod is what it may not do.
    expect(list.filter((line) => /^[bc]/.test(line))).toEqual([]);
    expect(list.some((line) => / \.\/sbin( ->|$)/.test(line))).toBe(true);
    const owners = list.map((line) => line.split(/\s+/)[1] ?? '');
    expect(owners.every((owner) => /^\d+\/\d+$/.test(owner))).toBe(true);
    expect(owners.every((owner) => owner.split('/').every((id) => Number(id) < 65536))).toBe(true);
  });

  it('keeps file capabilities as pax attributes', async () => {
    await withDirectory((directory) => {
      execFileSync('tar', [
        '-xf',
        imagePath(first),
        '-C',
        directory,
        '--xattrs',
        '--xattrs-include=*',
        './usr/bin/ping',
      ]);
      const caps = execFileSync('getcap', [path.join(directory, 'usr/bin/ping')], { encoding: 'utf8' });
      expect(caps).toContain('cap_net_raw');
      return Promise.resolve();
    });
  });

  it('holds nothing of the machine or the moment that it was made on', () => {
    const names = members(imagePath(first)).map((line) => line.replace(/^.*? \.\//, '').replace(/ -> .*/, ''));
    const unwanted =
      /^(etc\/hostname|etc\/resolv\.conf|etc\/ssh\/ssh_host_.*|var\/lib\/apt\/lists\/.+|var\/log\/(dpkg\.log|apt\/.+|bootstrap\.log|alternatives\.log)|var\/cache\/apt\/.*\.bin|run\/.+|tmp\/.+|etc\/.*-|root\/\.bash_history|.*imgbuild-build.*|dev\/.+)$/;
    const found = names.filter((name) => unwanted.test(name) && !/^run\/lock|\/$/.test(name));
    expect(found).toEqual([]);
    const machineId = members(imagePath(first)).find((line) => line.endsWith('./etc/machine-id'));
    expect(machineId).toMatch(/ 0 /);
  });

  it('is the same again: built anew without stand-ins, on disk, with a cache that has no stage of it', async () => {
    await withDirectory(async (directory) => {
      await withCacheCopy(['base', 'packages', 'configure'], async (cache) => {
        const args = [PROFILE, '--output', path.join(directory, 'out'), '--plain', '--work', 'disk'];
        const again = await build(args, { IMGBUILD_CACHE_DIR: cache, TZ: 'Asia/Tokyo' });
        expect(again.results[0]?.state).toBe('built');
        expect(imageDigest(again)).toBe(imageDigest(first));
      });
    });
  });

  // Python 3.9 and 3.13, other maintainer scripts, and layouts of /usr; bookworm is the case above.
  it.each(['deb11-amd64-lxc', 'deb13-amd64-lxc'])('is the same without stand-ins: %s', async (profile) => {
    await withDirectory(async (directory) => {
      const quick = await build([profile, '--output', path.join(directory, 'quick')]);
      await withCacheCopy(['base', 'packages', 'configure'], async (cache) => {
        const args = [profile, '--output', path.join(directory, 'plain'), '--plain'];
        const plain = await build(args, { IMGBUILD_CACHE_DIR: cache });
        expect(imageDigest(plain)).toBe(imageDigest(quick));
      });
    });
  });

  it('is not built again when nothing changed, and says so', async () => {
    const again = await build([PROFILE, '--output', REFERENCE_OUTPUT]);
    expect(again.results[0]?.state).toBe('unchanged');
    expect(imagePath(again)).toBe(imagePath(first));
  });

  it('does not take the place of an earlier one when it is larger than maxSize allows', async () => {
    await withDirectory(async (directory) => {
      const profile = path.join(directory, 'limited.yaml');
      const out = path.join(directory, 'out');
      const write = (more: string): void => {
        writeFileSync(profile, `extends: ${PROFILE}\n${more}`);
      };
      write('');
      const before = await build([profile, '--output', out]);
      const key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOWPU5t8+EwsFYH9BOwwJoRANmXDtY4X/OpZxeeOiDYm';
      write(`maxSize: 50MiB\noptions: { login.authorizedKeys: [${key}] }\n`);
      const grown = await imgbuild(['build', profile, '--output', out], { env: buildEnv() });
      expect(grown.code, grown.stderr).toBe(7);
      expect(grown.stderr).toMatch(
        /maxSize allows 50\.0 MiB; since the build of \d{4}-\d\d-\d\d: files of no package \+/,
      );
      expect(readlinkSync(path.join(out, 'limited/limited_rootfs.tar.zst'))).toBe(path.basename(imagePath(before)));
      execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: path.join(out, 'limited') });
      const size = await imgbuild(['size', imagePath(before), '--json'], { env: buildEnv() });
      const { bytes } = JSON.parse(size.stdout) as { bytes: number };
      write(`maxSize: ${String(bytes)}B\n`);
      expect((await build([profile, '--output', out])).results[0]?.state).toBe('unchanged');
      write(`maxSize: ${String(bytes - 1)}B\n`);
      const lowered = await imgbuild(['build', profile, '--output', out], { env: buildEnv() });
      expect(lowered.code, lowered.stderr).toBe(7);
      expect(lowered.stderr).toMatch(/nothing has grown since .*; the largest packages are .*libperl5\.36 2\d\.\d MiB/);
    });
  });

  it('takes the stages before a change from the cache and says why the others are built', async () => {
    await withDirectory(async (directory) => {
      const env = buildEnv();
      const outcome = await imgbuild(['build', PROFILE, '--output', directory, '--set', 'hostname=changed'], { env });
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(outcome.stderr).toMatch(/base +cached/);
      expect(outcome.stderr).toMatch(/packages +cached/);
      expect(outcome.stderr).toMatch(/configure +built.*option hostname changed/);
    });
  });

  it('honours SOURCE_DATE_EPOCH in the name and in times', async () => {
    await withDirectory(async (directory) => {
      const built = await build([PROFILE, '--output', directory], { SOURCE_DATE_EPOCH: '1600000000' });
      expect(path.basename(imagePath(built))).toBe(`${PROFILE}_rootfs_2020-09-13_1600000000.tar.zst`);
      const listing = execFileSync('tar', ['--list', '--verbose', '--full-time', '-f', imagePath(built)], {
        encoding: 'utf8',
        maxBuffer: 64 << 20,
        env: { ...process.env, TZ: 'UTC' },
      });
      const newest = listing
        .split('\n')
        .map((line) => /\d{4}-\d\d-\d\d/.exec(line)?.[0] ?? '')
        .sort()
        .at(-1);
      expect(newest).toBe('2020-09-13');
    });
  });

  it('has a name that Proxmox parses when asked, and keeps as many as asked', async () => {
    await withDirectory(async (directory) => {
      const built = await build([PROFILE, '--output', directory, '--name-style', 'proxmox']);
      expect(path.basename(imagePath(built))).toMatch(/^debian-12-deb12-amd64-lxc_12\.\d+-\d{8}_amd64\.tar\.zst$/);
      for (const level of ['1', '2', '4']) {
        await build([PROFILE, '--output', directory, '--keep', '2', '--set', `output.zstdLevel=${level}`]);
      }
      const kept = execFileSync('find', [directory, '-name', '*.tar.zst', '-type', 'f'], { encoding: 'utf8' });
      expect(kept.trimEnd().split('\n')).toHaveLength(2);
      execFileSync('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: path.join(directory, PROFILE) });
    });
  });

  it('keeps secrets out of everything but the hash in the image', async () => {
    await withDirectory(async (directory) => {
      const profile = path.join(directory, 'secretive.yaml');
      writeFileSync(
        profile,
        `extends: ${CHECKOUT}/profiles/examples/deb12/deb12-amd64-lxc.yaml\noptions:\n  rootPassword: { env: TEST_PASSWORD }\n`,
      );
      const secret = 'correct-horse-7731';
      const out = path.join(directory, 'out');
      const env = { ...buildEnv(), TEST_PASSWORD: secret };
      const outcome = await imgbuild(['build', '-v', profile, '--output', out], { env });
      expect(outcome.code, outcome.stderr).toBe(0);
      expect(outcome.stderr + outcome.stdout).not.toContain(secret);
      const grep = (where: string): string => {
        try {
          return execFileSync('grep', ['-rlF', secret, where], { encoding: 'utf8' });
        } catch {
          return '';
        }
      };
      expect(grep(path.join(out, 'secretive'))).toBe('');
      for (const part of ['stages', 'inputs', 'outputs', 'locks'])
        expect(grep(path.join(env.IMGBUILD_CACHE_DIR, part))).toBe('');
      const shadow = execFileSync(
        'tar',
        ['-xOf', path.join(out, 'secretive/secretive_rootfs.tar.zst'), './etc/shadow'],
        { encoding: 'utf8' },
      );
      const hash = /^root:([^:]+):/m.exec(shadow)?.[1] ?? '';
      expect(hash).toMatch(/^\$y\$/);
      const again = await imgbuild(['build', profile, '--output', out], { env });
      expect(again.stdout).toContain('nothing has changed');
      const other = await imgbuild(['build', profile, '--output', out], {
        env: { ...env, TEST_PASSWORD: 'another-one-9' },
      });
      expect(other.stderr).toMatch(/configure +built/);
    });
  });
});

describe('shell', () => {
  it('runs a command in the finished tree', async () => {
    const outcome = await imgbuild(['shell', PROFILE, '--', 'cat', '/etc/debian_version'], { env: buildEnv() });
    expect(outcome.stdout.trim()).toMatch(/^12\.\d+$/);
    expect(outcome.code).toBe(0);
  });

  it('keeps what it stands on from being pruned', async () => {
    await withCacheCopy([], async (cache) => {
      const script = 'echo ready >&2; exec sleep 600';
      const shell = startVerb(['shell', PROFILE, '--', 'sh', '-c', script], buildEnv(cache));
      await shell.said('ready');
      const prune = ['cache', 'prune', '--all', '--dry-run'];
      const busy = await imgbuild(prune, { env: buildEnv(cache) });
      expect(busy.stderr).toContain('a build may be running');
      expect(busy.stdout).not.toMatch(/^frames/m);
      shell.kill('SIGTERM');
      await shell.ended;
      // The kernel ends the builder after the launcher, and the holder of the lock with it.
      await vi.waitFor(
        async () => {
          const idle = await imgbuild(prune, { env: buildEnv(cache) });
          expect(idle.stderr).toBe('');
          expect(idle.stdout).toMatch(/^frames/m);
        },
        { timeout: 10_000 },
      );
    });
  });
});
