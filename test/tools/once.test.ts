import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { openMemo, ONCE } from '../../src/exec/once.js';
import type { Context } from '../../src/exec/context.js';
import { CHECKOUT, runCommand } from '../support/cli.js';
import { tree } from '../support/tree.js';

/** What a program of the image makes of it here: the number of its run, so that a second one shows. */
const SCRIPT = `
in_target() { echo run >>"$RUNS"; mkdir -p "$ROOT/made"; cat "$ROOT/etc/in" "$RUNS" >"$ROOT/made/out"; chmod 600 "$ROOT/made/out"; }
once 'made/out made/none' "$READS" etc/unread in_target`;

const FILES = { 'etc/in': 'a\n', 'etc/more': 'x', 'etc/sub/file': 'y', 'etc/unread': 'u', 'usr/other': 'z' };

describe('once', () => {
  let settings: Context['settings'];
  let runs = '';
  let root = '';
  const cached = (): string[] => readdirSync(path.join(settings.cacheDir, 'memo'));
  const put = (file: string, text: string) => (): void => {
    writeFileSync(path.join(root, file), text);
  };
  const nothing = (): void => undefined;

  interface More {
    readonly reads?: string;
    readonly key?: string;
    readonly tag?: string;
    readonly env?: Readonly<Record<string, string>>;
  }

  /** One build: the tree as the stage before leaves it, then the phase. Gives how often the program has run by now. */
  async function build(
    change: () => void,
    { reads = '.', key = 'tree', tag = '', env = {} }: More = {},
  ): Promise<number> {
    root = tree(FILES);
    const memo = await openMemo({ work: tree({}), settings }, { key, tag });
    put('etc/in', 'b\n')();
    change();
    const given = { MEMO: memo.directory, MEMO_KEY: memo.key, MEMO_MARKER: memo.marker };
    const script = `${ONCE}\n. '${CHECKOUT}/collections/lib.sh'\n${SCRIPT}`;
    const { code, stderr } = await runCommand(['bash', '--norc', '--posix', '-Eeu', '-c', script], {
      env: { ...given, ROOT: root, RUNS: runs, READS: reads, SOURCE_DATE_EPOCH: '1700000000', ...env },
    });
    expect({ code, stderr: stderr.replace(/^an earlier build has made .*\n/, '') }).toEqual({ code: 0, stderr: '' });
    const made = path.join(root, 'made/out');
    expect(readFileSync(made, 'utf8')).toContain(readFileSync(path.join(root, 'etc/in'), 'utf8'));
    expect(statSync(made).mode & 0o777).toBe(0o600);
    return readFileSync(runs, 'utf8').split('\n').length - 1;
  }

  beforeEach(async () => {
    settings = { cacheDir: tree({}) } as Context['settings'];
    runs = path.join(tree({ runs: '' }), 'runs');
    expect(await build(nothing)).toBe(1);
  });

  it('runs no second time over the same', async () => {
    expect(await build(nothing)).toBe(1);
    expect(await build(put('etc/unread', 'v'))).toBe(1);
    expect(cached()).toHaveLength(1);
  });

  it.each<[string, () => void]>([
    ['a file has another content', put('etc/in', 'c\n')],
    [
      'it has so with the time of the earlier one',
      () => {
        put('etc/more', 'X')();
        utimesSync(path.join(root, 'etc/more'), 1e9, 1e9);
      },
    ],
    ['there is another file', put('usr/new', '')],
    [
      'a file is gone',
      () => {
        rmSync(path.join(root, 'etc/sub/file'));
      },
    ],
    [
      'a mode is another',
      () => {
        chmodSync(path.join(root, 'etc/more'), 0o600);
      },
    ],
    [
      'a directory is another',
      () => {
        mkdirSync(path.join(root, 'usr/directory'));
      },
    ],
  ])('runs again when %s', async (_, change) => {
    expect(await build(change)).toBe(2);
    expect(await build(change)).toBe(2);
    expect(await build(nothing)).toBe(2);
  });

  it('runs again for another tree, other secrets, another date, and without a memo', async () => {
    expect(await build(nothing, { tag: 'tag' })).toBe(2);
    expect(await build(nothing, { key: 'other' })).toBe(3);
    expect(await build(nothing, { env: { SOURCE_DATE_EPOCH: '1700000001' } })).toBe(4);
    expect(await build(nothing, { env: { MEMO: '' } })).toBe(5);
  });

  it('looks at what is read only', async () => {
    const reads = 'etc opt';
    expect(await build(nothing, { reads })).toBe(2);
    expect(await build(put('usr/other', 'changed'), { reads })).toBe(2);
    expect(await build(put('etc/more', 'changed'), { reads })).toBe(3);
  });

  it('makes it again when the cache is damaged', async () => {
    truncateSync(path.join(settings.cacheDir, 'memo', cached()[0] ?? ''), 30);
    expect(await build(nothing)).toBe(2);
    expect(await build(nothing)).toBe(2);
  });
});
