import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it, vi } from 'vitest';
import { removeAsRead } from '../../src/exec/remove-read.js';
import { scratch } from '../support/scratch.js';

const top = scratch();

it('what a process has open goes, unless it has another name or lies elsewhere', async () => {
  const directory = path.join(top, 'tree');
  mkdirSync(path.join(directory, 'usr'), { recursive: true });
  const file = (name: string): string => {
    writeFileSync(path.join(top, name), name);
    return path.join(top, name);
  };
  const read = file('tree/usr/read');
  const twice = file('tree/usr/twice');
  linkSync(twice, path.join(directory, 'again'));
  const unread = file('tree/usr/unread');
  const elsewhere = file('tree-like');
  const reader = spawn(
    'sh',
    ['-c', `exec 3<"$0" 4<"$1" 5<"$2" 6<"$3"; read line; cat <&3`, read, twice, elsewhere, directory],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const stop = removeAsRead(reader.pid ?? 0, directory);
  try {
    await vi.waitFor(() => {
      expect(existsSync(read)).toBe(false);
    });
    expect([twice, unread, elsewhere].map((one) => existsSync(one))).toEqual([true, true, true]);
    reader.stdin.end('\n');
    const [text] = (await once(reader.stdout, 'data')) as [Buffer];
    expect(text.toString()).toBe('tree/usr/read');
  } finally {
    stop();
    reader.kill();
  }
});
