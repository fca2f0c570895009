import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeDeadWork } from '../../src/exec/in-use.js';
import { holdLock } from '../../src/exec/lock.js';
import { CHECKOUT, imgbuild, runCommand } from '../support/cli.js';

let scratch: string;

function put(relative: string): void {
  const file = path.join(scratch, relative);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, 'content');
}

function clean(...args: string[]) {
  return imgbuild(['clean', ...args], { cwd: scratch, env: { IMGBUILD_CACHE_DIR: path.join(scratch, 'cache') } });
}

const names = (directory: string) => readdirSync(path.join(scratch, directory)).sort();

beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-clean-'));
  put('obj/web/web_rootfs_2026-11-01_1790000000.tar.zst');
  put('obj/web/web_rootfs_2026-11-01_1790000000.tar.zst.manifest.json');
  put('obj/web/debian-12-web_12.9-20261101_amd64.tar.zst');
  put('obj/web/debian-12-web_12.9-20261101_amd64.tar.zst.manifest.json');
  put('obj/web/debian-12-web_12.9-20261101_amd64.tar.zst.handover.md');
  put('obj/web/SHA256SUMS');
  put('obj/web/web_failed.log');
  symlinkSync('web_rootfs_2026-11-01_1790000000.tar.zst', path.join(scratch, 'obj/web/web_rootfs.tar.zst'));
  put('obj/db/db_rootfs_2026-11-01_1790000000.tar.zst');
  put('obj/db/.imgbuild-Xy12/image');
  put('obj/holiday/photo.jpg');
  put('cache/work/dead/tree/file');
  put('cache/debs/00/x.deb');
});

afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe('imgbuild clean', () => {
  it('removes only what dead builds left, when no profile is named', async () => {
    expect(await clean()).toMatchObject({ code: 0, stdout: expect.stringContaining('removed 2 things') as string });
    expect(names('obj/db')).toEqual(['db_rootfs_2026-11-01_1790000000.tar.zst']);
    expect(names('obj/web')).toHaveLength(8);
    expect(names('cache/work')).toEqual([]);
    expect(existsSync(path.join(scratch, 'cache/debs/00/x.deb'))).toBe(true);
  });

  it('removes all outputs of a profile with its directory, and nothing else', async () => {
    expect((await clean('profiles/web.yaml', '--yes')).code).toBe(0);
    expect(names('obj')).toEqual(['db', 'holiday']);
  });

  it('leaves files that are not its own', async () => {
    put('obj/web/notes.txt');
    expect((await clean('--all', '--yes')).code).toBe(0);
    expect(names('obj')).toEqual(['holiday', 'web']);
    expect(names('obj/web')).toEqual(['notes.txt']);
    expect(names('obj/holiday')).toEqual(['photo.jpg']);
  });

  it('removes no outputs without a word', async () => {
    const { code, stderr } = await clean('web');
    expect(code).toBe(2);
    expect(stderr).toContain('--yes');
    expect((await clean('web', '--dry-run')).stdout).toContain('would remove 10 things');
    expect(names('obj/web')).toHaveLength(8);
  });

  it('says when there is nothing of a profile, and what there is', async () => {
    const { code, stderr } = await clean('wbe', '--yes');
    expect(code).toBe(2);
    expect(stderr).toContain('did you mean web?');
    expect((await clean('--all', 'web')).code).toBe(2);
  });

  it('tells what it may not remove, and removes the rest', async () => {
    put('cache/work/older/file');
    // As with the files of a builder that a user has started: root without capabilities may not touch those of others.
    chownSync(path.join(scratch, 'cache/work/dead/tree'), 12345, 12345);
    const drop = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
    const outcome = await runCommand([...drop, process.execPath, `${CHECKOUT}/dist/bundle/cli.js`, 'clean'], {
      cwd: scratch,
      env: { IMGBUILD_CACHE_DIR: path.join(scratch, 'cache') },
    });
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(outcome.stderr).toContain('not yours to remove: work/dead;');
    expect(outcome.stdout).toContain('removed 2 things');
    expect(names('cache/work')).toEqual(['dead']);
  });
});

describe('a builder', () => {
  it('removes work directories of dead ones, and no others', async () => {
    put('cache/work/alive/file');
    put('cache/work/starting/file');
    const old = Date.now() / 1000 - 3600;
    for (const name of ['dead', 'alive']) utimesSync(path.join(scratch, 'cache/work', name), old, old);
    const release = await holdLock(path.join(scratch, 'cache/work/alive'), 'exclusive');
    await removeDeadWork(path.join(scratch, 'cache'));
    expect(names('cache/work')).toEqual(['alive', 'starting']);
    release();
  });

  it('has nothing to do without any', async () => {
    rmSync(path.join(scratch, 'cache'), { recursive: true });
    await removeDeadWork(path.join(scratch, 'cache'));
    expect(existsSync(path.join(scratch, 'cache'))).toBe(false);
  });
});
