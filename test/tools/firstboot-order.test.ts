import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { CHECKOUT } from '../support/cli.js';
import { scratch } from '../support/scratch.js';

const SCRIPT = path.join(CHECKOUT, 'collections/firstboot/vm/files/initramfs/boot-script');

/** What the script calls, in order, where its own steps lie in `directory`; initramfs-tools' functions only tell their names. */
function calls(steps: readonly string[]): string[] {
  const directory = scratch();
  for (const step of steps) {
    writeFileSync(path.join(directory, step), `#!/bin/sh\necho ${step} >&3\n`, { mode: 0o755 });
  }
  const script = readFileSync(SCRIPT, 'utf8')
    .replaceAll('/scripts/', `${directory}/`)
    .replaceAll('/run/initramfs', directory);
  const functions = ['wait_for_udev', 'local_mount_root'].map((name) => `${name}() { echo ${name} >&3; }`);
  const setup = 'local_device_setup() { echo local_device_setup >&3; DEV=/dev/vda1; }';
  const shell = [...functions, setup, script, 'exec 3>&1; ROOT=/dev/x rootmnt=/root; mountroot'].join('\n');
  return execFileSync('sh', ['-euc', shell], { encoding: 'utf8' }).trim().split('\n');
}

it('a root within layers is waited for by initramfs-tools, after local-top has opened what it lies in', () => {
  expect(calls(['imgbuild-enlarge'])).toEqual(['wait_for_udev', 'imgbuild-enlarge', 'local_mount_root']);
});

it('a root in a plain partition is there before it gets its identity, and is mounted after', () => {
  expect(calls(['imgbuild-renew', 'imgbuild-settle'])).toEqual([
    'local_device_setup',
    'imgbuild-renew',
    'wait_for_udev',
    'local_mount_root',
    'imgbuild-settle',
  ]);
});
