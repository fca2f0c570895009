import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { imgbuild } from '../support/cli.js';
import { tool } from '../support/disk-image.js';
import { scratch } from '../support/scratch.js';

const file = path.join(scratch(), 'disk.svg');

it('imgbuild plan draws a disk that xmllint takes', async () => {
  const { code } = await imgbuild(['plan', 'deb12-amd64-kvm', '--set', 'disk.separateBoot=true', '--svg', file]);
  expect(code).toBe(0);
  await tool(['xmllint', '--noout', file]);
  const count = await tool(['xmllint', '--xpath', 'count(//*[local-name()="rect"])', file]);
  // The background; ESP, /boot, root, and what they hold; the disk for swap.
  expect(Number(count)).toBe(1 + 6 + 2);
});

it('imgbuild plan draws nothing where nothing is', async () => {
  const none = `${file}2`;
  const { code, stderr } = await imgbuild(['plan', 'deb12-amd64-lxc', '--svg', none]);
  expect(code).toBe(2);
  expect(stderr).toContain('has no disk that could be drawn');
  expect(existsSync(none)).toBe(false);
});
