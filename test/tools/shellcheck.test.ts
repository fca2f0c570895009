import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { CHECKOUT, runCommand } from '../support/cli.js';

const scripts = readdirSync(path.join(CHECKOUT, 'collections'), { recursive: true, encoding: 'utf8' })
  .filter((name) => !name.startsWith('local/'))
  .map((name) => path.join('collections', name))
  .filter((name) => name.endsWith('.sh') || isShell(path.join(CHECKOUT, name)));

/** Programs for the image have no suffix. */
function isShell(file: string): boolean {
  return (
    statSync(file).isFile() && /^#(!\/bin\/sh|!\/bin\/dash| shellcheck shell=sh)$/m.test(readFileSync(file, 'utf8'))
  );
}

it('hooks and their library are POSIX sh without anything that shellcheck minds', async () => {
  expect(scripts.length).toBeGreaterThan(30);
  const { code, stdout } = await runCommand(['shellcheck', '--shell=sh', '--external-sources', ...scripts]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
});

it.each(['perl -c collections/base/files/apply-dpkg-filters.pl'])('%s', async (command) => {
  const { code, stderr } = await runCommand(command.split(' '));
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('syntax OK') as string });
});
