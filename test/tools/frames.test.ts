import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Context } from '../../src/exec/context.js';
import { framePath } from '../../src/exec/compressor.js';
import { CACHE_LEVEL, packAway, packTree, removeDamaged, unpackTree } from '../../src/exec/frames.js';
import { scratch } from '../support/scratch.js';

const top = scratch();
const cacheDir = path.join(top, 'cache');
mkdirSync(cacheDir);

function contextOf(name: string): Context {
  const work = path.join(top, name);
  mkdirSync(work);
  return {
    profile: name,
    settings: {
      cacheDir,
      outputDir: top,
      workDir: top,
      keep: 0,
      nameStyle: 'imgbuild',
      aptProxy: '',
      offline: false,
      builderDigest: '',
      force: false,
      plain: false,
    },
    work,
    roots: {},
    emit: () => undefined,
    log: () => undefined,
    signal: new AbortController().signal,
    sound: new Set(),
  };
}

const sum = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

it('packs a tree that is changed while an earlier state of it is still being compressed', async () => {
  const context = contextOf('twice');
  const root = path.join(context.work, 'root');
  mkdirSync(root);
  for (let n = 0; n < 40; n++) writeFileSync(path.join(root, `file${String(n)}`), randomBytes(1 << 20));
  const changed = path.join(root, 'file17');
  const before = sum(changed);
  const first = await packTree(context, root, 1, CACHE_LEVEL);
  writeFileSync(changed, randomBytes(1 << 20));
  const second = await packTree(context, root, 1, CACHE_LEVEL);
  const after = sum(changed);
  const lists = await Promise.all([first.packed, second.packed]);

  // Most pieces are in both.
  const [earlier = [], later = []] = lists.map((list) => list.frames);
  expect(later.filter((name) => earlier.includes(name)).length).toBeGreaterThanOrEqual(earlier.length - 2);
  expect(later).not.toEqual(earlier);
  for (const [index, list] of lists.entries()) {
    const reader = contextOf(`reader${String(index)}`);
    expect(await removeDamaged(reader, list)).toBe(0);
    const copy = path.join(reader.work, 'copy');
    await unpackTree(reader, list, copy);
    expect(sum(path.join(copy, 'file17'))).toBe(index === 0 ? before : after);
    expect(sum(path.join(copy, 'file3'))).toBe(sum(path.join(root, 'file3')));
  }
});

it('makes a frame again that has gone from the cache', async () => {
  const context = contextOf('again');
  const root = path.join(context.work, 'root');
  mkdirSync(root);
  writeFileSync(path.join(root, 'file'), randomBytes(6 << 20));
  const list = await (await packTree(context, root, 1, CACHE_LEVEL)).packed;
  const [frame = ''] = list.frames;
  rmSync(framePath(cacheDir, frame));
  const again = await (await packTree(context, root, 1, CACHE_LEVEL)).packed;
  expect(again).toEqual(list);
  expect(await removeDamaged(contextOf('judge'), again)).toBe(0);
});

it('tells what kept tar from reading the tree', async () => {
  const context = contextOf('missing');
  await expect(packTree(context, path.join(top, 'nowhere'), 1, CACHE_LEVEL)).rejects.toThrow(
    'packing the root filesystem',
  );
});

describe('a tree that is packed away', () => {
  const fill = (root: string): void => {
    mkdirSync(path.join(root, 'dev'), { recursive: true });
    writeFileSync(path.join(root, 'dev/left'), '');
    for (let n = 0; n < 100; n++) writeFileSync(path.join(root, `file${String(n)}`), Buffer.alloc(1 << 20, n));
    linkSync(path.join(root, 'file1'), path.join(root, 'file2-too'));
    symlinkSync('file3', path.join(root, 'link'));
    for (const name of [...readdirSync(root), '.']) lutimesSync(path.join(root, name), 1, 1);
  };

  it.each([
    ['read to its end', Infinity],
    ['read in part', 3],
    ['not read', 0],
  ])('is the same list, and gone, when it is %s', async (title, wanted) => {
    const context = contextOf(title);
    const root = path.join(context.work, 'root');
    fill(root);
    const whole = await (await packTree(context, root, 1, CACHE_LEVEL)).packed;
    const { tar, finish } = packAway(context, root, 1, CACHE_LEVEL);
    const hash = createHash('sha256');
    let count = 0;
    if (wanted > 0) {
      for await (const piece of tar()) {
        hash.update(piece);
        count += 1;
        if (count === wanted) break;
      }
    }
    expect(await finish()).toEqual(whole);
    expect(existsSync(root)).toBe(false);
    if (wanted < Infinity) return;
    const packed = whole.frames.map((name) => framePath(cacheDir, name));
    expect(hash.digest('hex')).toBe(
      createHash('sha256')
        .update(execFileSync('zstd', ['-dcq', ...packed], { maxBuffer: 2 ** 28 }))
        .digest('hex'),
    );
  });

  it('leaves alone what a link in the place of /dev leads to', async () => {
    const context = contextOf('link');
    const root = path.join(context.work, 'root');
    const outside = path.join(context.work, 'outside');
    mkdirSync(root);
    mkdirSync(outside);
    writeFileSync(path.join(outside, 'dear'), '');
    symlinkSync(outside, path.join(root, 'dev'));
    const { finish } = packAway(context, root, 1, CACHE_LEVEL);
    await finish();
    expect(existsSync(root)).toBe(false);
    expect(existsSync(path.join(outside, 'dear'))).toBe(true);
  });
});
