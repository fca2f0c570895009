import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imgbuild } from '../support/cli.js';

const DAY = 86_400;
const FRAMES = ['a', 'b', 'c'].map((digit) => `${digit.repeat(64)}-3.zst`);

let scratch: string;
let cache: string;

function put(relative: string, text: string, ageInDays: number): string {
  const file = path.join(cache, relative);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  const time = Date.now() / 1000 - ageInDays * DAY;
  utimesSync(file, time, time);
  return file;
}

function frameFile(name: string): string {
  return `frames/${name.slice(0, 2)}/${name}`;
}

function run(...args: string[]) {
  return imgbuild(['cache', ...args], { cwd: scratch, env: { IMGBUILD_CACHE_DIR: cache } });
}

beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'imgbuild-test-cache-'));
  cache = path.join(scratch, 'cache');
  const [a = '', b = '', c = ''] = FRAMES;
  for (const name of FRAMES) put(frameFile(name), 'x'.repeat(100_000), 30);
  put('stages/1111.json', JSON.stringify({ stage: 'packages', profile: 'one', frames: [a] }), 10);
  put('stages/2222.json', JSON.stringify({ stage: 'configure', profile: 'two', frames: [a, b] }), 1);
  put('debs/00/00ff.deb', 'deb', 10);
  put('debs/00/00ff.deb.json', '{}', 30);
  put(`${frameFile(c)}.77.partial`, 'half', 2);
  put('precious.txt', 'not ours', 400);
});

afterEach(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe('imgbuild cache', () => {
  it('lists stages with the room their pieces take, and the room of every kind', async () => {
    const { stdout } = await run('ls', '--json');
    const rows = JSON.parse(stdout) as { key: string; profile: string; bytes: number }[];
    expect(rows.map(({ key, profile }) => [key, profile])).toEqual([
      ['2222', 'two'],
      ['1111', 'one'],
    ]);
    expect(rows[0]?.bytes).toBe((rows[1]?.bytes ?? 0) * 2);
    const size = JSON.parse((await run('size', '--json')).stdout) as Record<string, number>;
    expect(size['frames']).toBe((rows[1]?.bytes ?? 0) * 3);
    expect((await run('ls')).stdout).toMatch(/^configure +\d.*two +2222$/m);
  });

  it('finds nothing in a cache that does not exist, and does not make one', async () => {
    rmSync(cache, { recursive: true });
    expect(await run('ls')).toMatchObject({ code: 0, stdout: '' });
    expect((await run('prune')).stdout).toContain('removed 0 things');
    expect(existsSync(cache)).toBe(false);
  });

  it('says what it would remove and removes nothing', async () => {
    const { stdout } = await run('prune', '--older-than', '7d', '--dry-run');
    expect(stdout).toContain('stages/1111.json');
    expect(existsSync(path.join(cache, 'stages/1111.json'))).toBe(true);
  });

  it('removes old stages, what only they named, and packages with their records', async () => {
    expect((await run('prune', '--older-than', '7d')).code).toBe(0);
    const [a = '', b = '', c = ''] = FRAMES;
    const there = (relative: string) => existsSync(path.join(cache, relative));
    expect([a, b, c].map((name) => there(frameFile(name)))).toEqual([true, true, false]);
    expect(there('stages/1111.json')).toBe(false);
    expect(there('stages/2222.json')).toBe(true);
    expect(there('debs/00/00ff.deb')).toBe(false);
    expect(there('debs/00/00ff.deb.json')).toBe(false);
    expect(there(`${frameFile(c)}.77.partial`)).toBe(false);
    expect(there('precious.txt')).toBe(true);
  });

  it('keeps all pieces while a build holds the cache', async () => {
    const build = spawn('flock', ['--shared', path.join(cache, 'lock'), 'sh', '-c', 'echo held; cat'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(build.stdout, 'data');
    const busy = await run('prune', '--all');
    expect(busy.stderr).toContain('a build may be running');
    for (const name of FRAMES) expect(existsSync(path.join(cache, frameFile(name)))).toBe(true);
    build.stdin.end();
    await once(build, 'close');
    expect((await run('prune', '--all')).stderr).toBe('');
    for (const name of FRAMES) expect(existsSync(path.join(cache, frameFile(name)))).toBe(false);
  });

  it('counts and removes logs, what is remembered of profiles, and the key of secrets', async () => {
    const bytes = async () =>
      (JSON.parse((await run('size', '--json')).stdout) as Record<string, number>)['others'] ?? 0;
    const before = await bytes();
    const small = ['logs/one.log', 'logs/two.log', 'config.json', 'secret.key'];
    for (const [age, name] of small.entries()) put(name, 'x'.repeat(9000), age * 5);
    expect((await bytes()) - before).toBeGreaterThanOrEqual(4 * 9000);
    const there = () => small.filter((name) => existsSync(path.join(cache, name)));
    expect((await run('prune', '--older-than', '7d')).code).toBe(0);
    expect(there()).toEqual(['logs/one.log', 'logs/two.log']);
    expect((await run('prune', '--all')).code).toBe(0);
    expect(there()).toEqual([]);
  });

  it('follows no link out of the cache', async () => {
    const outside = path.join(scratch, 'outside');
    mkdirSync(outside);
    writeFileSync(path.join(outside, 'dear.deb'), 'dear');
    writeFileSync(path.join(outside, 'file'), 'dear');
    symlinkSync(outside, path.join(cache, 'debs/link'));
    symlinkSync(outside, path.join(cache, 'work'));
    mkdirSync(path.join(cache, 'apt'));
    symlinkSync(outside, path.join(cache, 'apt/link'));
    expect((await run('prune', '--all')).code).toBe(0);
    expect(existsSync(path.join(outside, 'dear.deb'))).toBe(true);
    expect(existsSync(path.join(outside, 'file'))).toBe(true);
  });

  it('does not fall over an index that is no JSON, and removes it with the old ones', async () => {
    put('stages/3333.json', 'garbage', 0);
    expect((await run('ls')).stdout).toMatch(/^\? /m);
    expect((await run('prune', '--older-than', '7d')).code).toBe(0);
    expect(existsSync(path.join(cache, 'stages/3333.json'))).toBe(false);
  });

  it('refuses what is no duration, no size, or contradicts itself', async () => {
    expect((await run('prune', '--older-than', 'soon')).code).toBe(2);
    expect((await run('prune', '--max-size', 'big')).code).toBe(2);
    expect((await run('prune', '--all', '--max-size', '1G')).code).toBe(2);
    expect((await run('prone')).stderr).toContain('Did you mean prune');
  });
});
