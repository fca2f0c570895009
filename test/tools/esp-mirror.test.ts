import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CHECKOUT } from '../support/cli.js';
import { scratch } from '../support/scratch.js';

const HARDWARE = path.join(CHECKOUT, 'collections/hardware/base');
const PROGRAM = path.join(HARDWARE, 'overlay/customize/usr/local/sbin/esp-mirror');
const directory = scratch();
const at = (...parts: string[]): string => path.join(directory, ...parts);

/** Directories stand for partitions, which take a kernel with devices: what finds them answers accordingly. */
const TOOLS = {
  findmnt: `echo ${at('first')}`,
  blkid: `case " $* " in *' -t '*) printf '%s\\n' ${at('first')} ${at('second')} ;; *) echo ABCD-1234 ;; esac`,
  mount: 'echo mounted >>"$MOUNTS"; exec /bin/mount --bind "$@"',
};

function mirror(): { status: number | null; stdout: string; stderr: string } {
  mkdirSync(at('bin'), { recursive: true });
  for (const [name, text] of Object.entries(TOOLS))
    writeFileSync(at('bin', name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const env = {
    PATH: `${at('bin')}:/usr/sbin:/usr/bin:/sbin:/bin`,
    ESP_TOP: at('first'),
    ESP_STATE: at('state/esp'),
    MOUNTS: at('mounts'),
  };
  return spawnSync('unshare', ['--map-root-user', '--mount', 'sh', PROGRAM], { env, encoding: 'utf8' });
}

function put(partition: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(at(partition, name)), { recursive: true });
    writeFileSync(at(partition, name), text);
  }
}

const files = (partition: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(at(partition), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [path.relative(at(partition), file), readFileSync(file, 'utf8')]),
  );

describe('EFI partitions of several disks', () => {
  it('are alike after an upgrade, and are left alone when nothing has changed', () => {
    put('first', { 'EFI/BOOT/BOOTX64.EFI': 'new shim', 'EFI/BOOT/grubx64.efi': 'new', 'EFI/debian/grub.cfg': 'stub' });
    put('second', { 'EFI/BOOT/BOOTX64.EFI': 'old shim', 'EFI/debian/grub.cfg': 'stub', 'EFI/debian/gone.efi': 'old' });
    expect(mirror()).toMatchObject({ status: 0, stdout: `esp-mirror: ${at('second')} is as ${at('first')}\n` });
    expect(files('second')).toEqual(files('first'));
    expect(mirror()).toMatchObject({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(at('mounts'), 'utf8')).toBe('mounted\n');
    put('first', { 'EFI/BOOT/grubx64.efi': 'newer' });
    // What a cut has left goes.
    put('second', { 'EFI/BOOT/grubx64.efi.new': 'half' });
    expect(mirror().status).toBe(0);
    expect(files('second')).toEqual(files('first'));
  });

  it('are done again when it was cut before its end', () => {
    rmSync(at('state'), { recursive: true, force: true });
    put('second', { 'EFI/BOOT/grubx64.efi': 'old' });
    expect(mirror().status).toBe(0);
    expect(files('second')).toEqual(files('first'));
  });

  it('follow every run of dpkg, which takes the line of configuration that the image has', () => {
    const hook = readFileSync(path.join(HARDWARE, 'hooks/customize/60-arrays.sh'), 'utf8');
    const [, line = ''] = /^post-invoke="(.*)"$/m.exec(hook) ?? [];
    const called = at('called');
    writeFileSync(at('program'), `#!/bin/sh\necho called >>${called}\nexit 1\n`, { mode: 0o755 });
    const command = line.replaceAll('/usr/local/sbin/esp-mirror', at('program'));
    mkdirSync(at('dpkg/updates'), { recursive: true });
    mkdirSync(at('dpkg/info'));
    for (const name of ['status', 'available']) writeFileSync(at('dpkg', name), '');
    mkdirSync(at('home'));
    writeFileSync(at('home/.dpkg.cfg'), `post-invoke="${command}"\n`);
    // A failure is told and is not dpkg's.
    execFileSync('dpkg', ['--force-not-root', `--admindir=${at('dpkg')}`, '--configure', '--pending'], {
      env: { ...process.env, HOME: at('home') },
      stdio: 'pipe',
    });
    expect(readFileSync(called, 'utf8')).toBe('called\n');
  });
});
