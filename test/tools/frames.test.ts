import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { Context } from '../../src/exec/context.js';
import { framePath } from '../../src/exec/compressor.js';
import { CACHE_LEVEL, packTree, removeDamaged, unpackTree } from '../../src/exec/frames.js';
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
