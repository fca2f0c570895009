import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { routeTar } from '../../src/exec/assemble-route.js';
import { scratch } from '../support/scratch.js';

const directory = scratch();
const tree = path.join(directory, 'tree');
const LONG = 'd'.repeat(90);

function file(name: string, content: string | Buffer): void {
  const full = path.join(tree, name);
  mkdirSync(path.dirname(full), { recursive: true });
  writeFileSync(full, content);
}

file('etc/passwd', 'root\n');
file('etc/empty', '');
file('boot/vmlinuz', Buffer.alloc(200_000, 7));
file('boot/efi/EFI/BOOT/BOOTX64.EFI', 'shim');
file(`boot/${LONG}/${LONG}/file`, 'long');
file('bootstrap', 'not in /boot');
file('var/log/ümläut', 'x'.repeat(513));
linkSync(path.join(tree, 'boot/vmlinuz'), path.join(tree, `boot/${LONG}/hard`));
linkSync(path.join(tree, 'etc/passwd'), path.join(tree, 'etc/passwd-'));
symlinkSync('../etc/passwd', path.join(tree, 'boot/link'));
symlinkSync(`${LONG}/${LONG}`, path.join(tree, 'boot/long-link'));
chmodSync(path.join(tree, 'boot'), 0o711);

const tar = path.join(directory, 'tree.tar');
const OPTIONS = ['--format=pax', '--sort=name', '--numeric-owner', '--mtime=@1700000000'];
execFileSync('tar', [
  ...['--create', `--directory=${tree}`, ...OPTIONS],
  ...['--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime', `--file=${tar}`, '.'],
]);

/** The stream of the tar in pieces of the given sizes, over and over. */
function pieces(sizes: readonly number[]): AsyncIterable<Buffer> {
  const bytes = readFileSync(tar);
  // As a pipe does: what comes next is not there yet.
  return (async function* () {
    for (let at = 0, n = 0; at < bytes.length; n += 1) {
      const size = sizes[n % sizes.length] ?? 512;
      await Promise.resolve();
      yield bytes.subarray(at, at + size);
      at += size;
    }
  })();
}

/** The tars of the file systems, by mountpoint. */
async function route(mountpoints: readonly string[], sizes: readonly number[] = [65_536]): Promise<Buffer[]> {
  const out = mountpoints.map((): Buffer[] => []);
  await routeTar(pieces(sizes), mountpoints, 1_600_000_000, (index, data) => {
    out[index]?.push(...data);
    return Promise.resolve();
  });
  return out.map((list) => Buffer.concat(list));
}

/** What tar lists: mode, size, name, links. */
function listing(bytes: Buffer): string[] {
  const text = execFileSync('tar', ['--list', '--verbose', '--quoting-style=literal', '--numeric-owner'], {
    input: bytes,
    encoding: 'utf8',
  });
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/^(\S+) +\S+ +(\d+) \S+ \S+ /, '$1 $2 '));
}

const names = (bytes: Buffer): string[] =>
  execFileSync('tar', ['--list', '--quoting-style=literal'], { input: bytes, encoding: 'utf8' }).trimEnd().split('\n');

describe('dealing a tar out', () => {
  it('passes everything on unchanged when there is one file system', async () => {
    const [all] = await route(['/']);
    expect(listing(all ?? Buffer.alloc(0))).toEqual(listing(readFileSync(tar)));
  });

  it('gives each file system its own, from its mountpoint on', async () => {
    const [root, boot, esp] = await route(['/', '/boot', '/boot/efi']);
    expect(names(root ?? Buffer.alloc(0))).toEqual([
      ...['./', './boot/', './bootstrap', './etc/', './etc/empty', './etc/passwd', './etc/passwd-'],
      ...['./var/', './var/log/', './var/log/ümläut'],
    ]);
    expect(names(boot ?? Buffer.alloc(0))).toEqual([
      ...['./', `./${LONG}/`, `./${LONG}/${LONG}/`, `./${LONG}/${LONG}/file`, `./${LONG}/hard`],
      ...['./efi/', './link', './long-link', './vmlinuz'],
    ]);
    expect(names(esp ?? Buffer.alloc(0))).toEqual(['./', './EFI/', './EFI/BOOT/', './EFI/BOOT/BOOTX64.EFI']);
  });

  it('keeps modes, contents and links within each', async () => {
    const [, boot] = await route(['/', '/boot', '/boot/efi']);
    const to = path.join(directory, 'boot');
    mkdirSync(to);
    execFileSync('tar', ['--extract', `--directory=${to}`, '--preserve-permissions'], {
      input: boot ?? Buffer.alloc(0),
    });
    expect(readFileSync(path.join(to, 'vmlinuz'))).toEqual(Buffer.alloc(200_000, 7));
    expect(readFileSync(path.join(to, LONG, 'hard'))).toEqual(Buffer.alloc(200_000, 7));
    const lines = listing(boot ?? Buffer.alloc(0));
    expect(lines).toContain('lrwxrwxrwx 0 ./link -> ../etc/passwd');
    expect(lines).toContain(`lrwxrwxrwx 0 ./long-link -> ${LONG}/${LONG}`);
    expect(lines.filter((line) => line.includes(' link to '))).toEqual([
      expect.stringContaining(` ./vmlinuz link to ./${LONG}/hard`),
    ]);
    expect(lines[0]).toBe('drwx--x--x 0 ./');
  });

  it('makes mountpoints that the tree does not have', async () => {
    const deep = `/srv/${LONG}/${LONG}`;
    const [root, data, log] = await route(['/', deep, `${deep}/var/log`]);
    expect(names(root ?? Buffer.alloc(0)).slice(-3)).toEqual(['./srv/', `./srv/${LONG}/`, `.${deep}/`]);
    expect(names(data ?? Buffer.alloc(0))).toEqual(['./var/', './var/log/']);
    expect(log).toEqual(Buffer.alloc(1024));
  });

  it('does not depend on the pieces in which the tar comes', async () => {
    const mountpoints = ['/', '/boot', '/boot/efi', '/srv'];
    const expected = await route(mountpoints);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 20 }), async (sizes) => {
        const found = await route(mountpoints, sizes);
        expect(found.map((bytes, index) => bytes.equals(expected[index] ?? Buffer.alloc(0)))).toEqual([
          true,
          true,
          true,
          true,
        ]);
      }),
      { numRuns: 30 },
    );
  });

  it('counts what each file system has to hold', async () => {
    const loads = await routeTar(pieces([65_536]), ['/', '/boot'], 0, () => Promise.resolve());
    expect(loads.map(({ mountpoint, entries }) => [mountpoint, entries])).toEqual([
      ['/', 9],
      ['/boot', 12],
    ]);
    // The kernel counts once, and in blocks of 4 KiB.
    expect(loads[1]?.bytes).toBe((49 + 1 + 1 + 6) * 4096);
  });

  it('refuses a hard link from one file system to another', async () => {
    await expect(route(['/', `/boot/${LONG}`])).rejects.toThrow(/are one file and cannot lie in two file systems/);
  });

  it('refuses a mountpoint that is a link', async () => {
    await expect(route(['/', '/boot/link/efi'])).rejects.toThrow('/boot/link is no directory in the image');
  });

  it('notices a tar that ends early', async () => {
    const cut = readFileSync(tar).subarray(0, 3000);
    const stream = (async function* () {
      await Promise.resolve();
      yield cut;
    })();
    await expect(routeTar(stream, ['/'], 0, () => Promise.resolve())).rejects.toThrow('the tar ends in the middle');
  });
});
