import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildEnv, imageDigest, type Built } from '../support/build.js';
import { PROFILE, reference, withCacheCopy } from '../support/caches.js';
import { CHECKOUT, runCommand } from '../support/cli.js';

let scratch: string;
let packed: string[];

beforeAll(async () => {
  scratch = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-package-'));
  // The tests run a compiled program, which packing anew would take away from those that run beside this one.
  const pack = await runCommand(['npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', scratch], {
    cwd: CHECKOUT,
  });
  expect(pack.code, pack.stderr).toBe(0);
  packed = (JSON.parse(pack.stdout) as { files: { path: string }[] }[])[0]?.files.map((file) => file.path) ?? [];
  const tarball = readdirSync(scratch).find((name) => name.endsWith('.tgz')) ?? '';
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  const install = await runCommand(['npm', 'install', '--global', '--prefix', 'there', ...options, `./${tarball}`], {
    cwd: scratch,
  });
  expect(install.code, install.stderr).toBe(0);
});

afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

const run = (...args: string[]) => runCommand([path.join(scratch, 'there/bin/imgbuild'), ...args], { cwd: scratch });

describe('the npm package', () => {
  it('holds what running needs, and nothing of development or of the user', () => {
    for (const wanted of ['dist/bundle/cli.js', 'LICENSE', 'README.md', 'Containerfile', 'collections/lib.sh']) {
      expect(packed).toContain(wanted);
    }
    expect(packed.filter((file) => /^(src|test|node_modules|\.ci)\/|\.map$|tsbuildinfo|\.lock$/.test(file))).toEqual(
      [],
    );
    expect(packed.filter((file) => /^collections\/local\/./.test(file) && !file.endsWith('README.md'))).toEqual([]);
  });

  it('works where it was installed', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, stderr: '' });
    const list = await run('list');
    expect(list).toMatchObject({ code: 0, stderr: '' });
    expect(list.stdout).toContain('deb12-amd64-lxc');
    expect((await run('validate', 'deb12-amd64-lxc')).code).toBe(0);
    expect((await run('plan', 'deb12-amd64-lxc')).stdout).toContain('packages');
  });

  it('builds the same image there, outside of any checkout', async () => {
    const digest = imageDigest(await reference());
    await withCacheCopy(['configure'], async (cache) => {
      const program = path.join(scratch, 'there/bin/imgbuild');
      const built = await runCommand([program, 'build', '--json', PROFILE], { cwd: scratch, env: buildEnv(cache) });
      expect(built.code, built.stderr).toBe(0);
      expect(built.stderr).toMatch(/configure +built/);
      const result = JSON.parse(built.stdout) as Built;
      expect(result.outputDir).toBe(path.join(scratch, 'obj'));
      expect(imageDigest(result)).toBe(digest);
    });
  });
});
