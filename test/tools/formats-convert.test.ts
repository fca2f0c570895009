import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Context } from '../../src/commands/common.js';
import { convertHere, type Conversion } from '../../src/commands/convert-here.js';
import { convertOptions } from '../../src/commands/convert-options.js';
import { CHECKOUT, imgbuild } from '../support/cli.js';
import { shell, tool } from '../support/disk-image.js';
import { scratch } from '../support/scratch.js';

const MIB = 2 ** 20;
const top = scratch();
const disk = path.join(top, 'disk.raw');
const out = path.join(top, 'out');
const said: string[] = [];

/** As much of a verb's context as converting looks at. */
const context = { log: { info: (text: string) => said.push(text) } } as unknown as Context;

async function convert(image: string, to: Conversion['formats'], base: string, force = false): Promise<string[]> {
  const files = await convertHere(context, {
    image,
    formats: to,
    target: { directory: out, base, force },
    values: convertOptions(to, []),
    workDir: top,
    launched: false,
  });
  return files.map((file) => path.basename(file.path));
}

beforeAll(async () => {
  mkdirSync(out);
  writeFileSync(disk, '');
  truncateSync(disk, 64 * MIB);
  const type = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
  await tool(['sfdisk', '-q', disk], `label: gpt\nstart=1MiB, size=20MiB, type=${type}\nstart=21MiB, type=L\n`);
  await tool([
    'mke2fs',
    '-q',
    '-F',
    '-d',
    path.join(CHECKOUT, 'src'),
    '-E',
    `offset=${String(21 * MIB)}`,
    disk,
    '30000k',
  ]);
});

describe('imgbuild convert', () => {
  it('makes every format, and reads each of them back to the same disk', async () => {
    const made = await convert(disk, ['raw.zst', 'qcow2', 'vhdx', 'vhd', 'vmdk', 'ova'], 'web');
    expect(made).toEqual(['web.raw.zst', 'web.raw.bmap', 'web.qcow2', 'web.vhdx', 'web.vhd', 'web.vmdk', 'web.ova']);
    for (const image of made.filter((name) => !name.endsWith('.bmap'))) {
      // Names do not tell, content does.
      const nameless = path.join(top, 'image');
      copyFileSync(path.join(out, image), nameless);
      await convert(nameless, ['raw'], 'back', true);
      expect(await shell('cmp "$1" "$2" && echo same', disk, path.join(out, 'back.raw')), image).toBe('same\n');
    }
  });

  it('makes of equal disks equal files, whatever they come in', async () => {
    await convert(path.join(out, 'web.ova'), ['vhdx', 'vmdk'], 'other');
    for (const suffix of ['vhdx', 'vmdk']) {
      const [first, second] = ['web', 'other'].map((base) => readFileSync(path.join(out, `${base}.${suffix}`)));
      expect(first?.equals(second ?? Buffer.alloc(0)), suffix).toBe(true);
    }
  });

  it('reads what other tools write', async () => {
    const foreign = path.join(top, 'foreign.vmdk');
    await tool(['qemu-img', 'convert', '-f', 'raw', '-O', 'vmdk', '-o', 'subformat=monolithicSparse', disk, foreign]);
    await convert(foreign, ['qcow2'], 'foreign');
    const images = [disk, path.join(out, 'foreign.qcow2')];
    expect(await tool(['qemu-img', 'compare', '-f', 'raw', '-F', 'qcow2', ...images])).toContain('identical');
  });

  it('makes whole MiB of a disk of another size, with the copy of its table at the end', async () => {
    const odd = path.join(top, 'odd.raw');
    copyFileSync(disk, odd);
    truncateSync(odd, 64 * MIB + 5120);
    await tool(['sfdisk', '-q', '--relocate', 'gpt-bak-std', odd]);
    const before = readFileSync(odd);
    await convert(odd, ['vhd'], 'odd');
    expect(readFileSync(odd).equals(before)).toBe(true);
    const made = readFileSync(path.join(out, 'odd.vhd'));
    expect(made.length).toBe(65 * MIB + 512);
    writeFileSync(odd, made.subarray(0, -512));
    expect(await tool(['sfdisk', '--verify', odd])).toContain('No errors detected');
  });

  it('tells the firmware from the disk', async () => {
    const ovf = await tool(['tar', '-xOf', path.join(out, 'web.ova'), 'web.ovf']);
    expect(ovf).toContain('vmw:key="firmware" vmw:value="efi"');
    // Nobody has looked which system is on it.
    expect(ovf).toContain('<Description>Linux (amd64)</Description>');
  });

  it('refuses what is no disk, or is only a part of one, and leaves nothing behind', async () => {
    const text = path.join(top, 'text');
    writeFileSync(text, 'no disk at all\n'.repeat(1000));
    await expect(convert(text, ['raw'], 'text')).rejects.toMatchObject({ name: 'UserError' });
    const child = path.join(top, 'child.qcow2');
    await tool(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw', '-b', disk, child]);
    await expect(convert(child, ['raw'], 'child')).rejects.toThrow('backing file');
    const short = path.join(top, 'short.ova');
    copyFileSync(path.join(out, 'web.ova'), short);
    truncateSync(short, 100_000);
    await expect(convert(short, ['raw'], 'short')).rejects.toThrow();
    expect(readdirSync(out).filter((name) => /text|child|short|imgbuild/.test(name))).toEqual([]);
    expect(readdirSync(top).filter((name) => name.startsWith('.imgbuild-'))).toEqual([]);
  });

  it.each(['raw', 'raw.zst', 'qcow2', 'vhdx', 'vhd', 'vmdk', 'ova'])(
    'refuses a %s that was cut off',
    async (suffix) => {
      const whole = suffix === 'raw' ? disk : path.join(out, `web.${suffix}`);
      // A streamOptimized VMDK ends with what tells where everything is; a raw disk with the copy of its table.
      for (const lost of suffix === 'raw' ? [30 * MIB] : [MIB, statSync(whole).size >> 1]) {
        const cut = path.join(top, `cut.${suffix}`);
        copyFileSync(whole, cut);
        truncateSync(cut, statSync(whole).size - lost);
        await expect(convert(cut, ['qcow2'], 'cut'), String(lost)).rejects.toThrow();
        expect(readdirSync(out).filter((name) => name.startsWith('cut'))).toEqual([]);
      }
    },
  );

  it.each(['vhdx', 'vhd', 'vmdk', 'ova'] as const)('refuses a disk that %s does not hold', async (format) => {
    const large = path.join(top, 'large.qcow2');
    await tool(['qemu-img', 'create', '-q', '-f', 'qcow2', large, '300T']);
    await expect(convert(large, [format], 'large')).rejects.toMatchObject({
      name: 'UserError',
      message: expect.stringMatching(`${format} holds at most [0-9]+ [GT]iB, and the disk has 300.0 TiB`) as string,
    });
    expect(readdirSync(out).filter((name) => /large|imgbuild/.test(name))).toEqual([]);
  });

  it.each([
    ['template.tar', ['tar', '-cf'], 'a tar archive without an OVF'],
    ['template.tar.zst', ['tar', '--zstd', '-cf'], 'the tarball of a root filesystem'],
  ])('says of %s what to do instead', async (name, pack, what) => {
    const template = path.join(top, name);
    await tool([...pack, template, '-C', path.join(CHECKOUT, 'src'), 'output']);
    await expect(convert(template, ['raw'], 'template')).rejects.toMatchObject({
      message: expect.stringContaining(what) as string,
      hint: expect.stringContaining('has no disk to convert') as string,
    });
  });

  it('replaces nothing unless told to', async () => {
    const before = readFileSync(path.join(out, 'web.qcow2'));
    await expect(convert(disk, ['vhd', 'qcow2'], 'web')).rejects.toThrow('exists already');
    expect(readFileSync(path.join(out, 'web.qcow2')).equals(before)).toBe(true);
  });

  it('stops at a signal without leaving anything', async () => {
    const directory = path.join(top, 'stopped');
    mkdirSync(directory);
    const large = path.join(top, 'large.raw');
    await shell(
      'cp "$1" "$2"; head -c 200M /dev/urandom | dd of="$2" bs=1M seek=64 conv=notrunc status=none',
      disk,
      large,
    );
    const child = spawn(process.execPath, ['--input-type=module', '-e', STOPPED, large, directory, top], {
      cwd: CHECKOUT,
      stdio: 'pipe',
    });
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    expect(await once(child, 'exit')).toEqual([130, null]);
    expect(readdirSync(directory)).toEqual([]);
  });
});

const STOPPED = `
  import { handleSignals, interruptedBy } from './dist/interrupt.js';
  import { convertHere } from './dist/commands/convert-here.js';
  handleSignals();
  const [image, directory, workDir] = process.argv.slice(1);
  const log = { info: (text) => text.startsWith('writing') && console.log(text) };
  const target = { directory, base: 'x', force: false };
  await convertHere({ log }, { image, formats: ['vmdk'], target, values: {}, workDir, launched: false })
    .then(() => process.exit(0), () => process.exit(interruptedBy() ?? 1));
`;

describe('the command line of convert', () => {
  it.each([
    ['a format that there is not', [disk, '--to', 'vdi'], 'Formats are raw, raw.zst'],
    ['the root filesystem', [disk, '--to', 'tar.zst'], 'tar.zst is no disk; a profile makes it'],
    ['an image that is not there', ['nothing.raw', '--to', 'vhd'], 'nothing.raw is not there'],
    ['a directory', [top, '--to', 'vhd'], 'is no file'],
    ['two formats in one file', [disk, '--to', 'vhd,vhdx', '-o', path.join(top, 'x.vhd')], 'name of one file'],
    ['a directory that is not there', [disk, '--to', 'vhd', '-o', path.join(top, 'no/x.vhd')], 'there is no directory'],
    ['an option of another format', [disk, '--to', 'vhd', '--set', 'vm.memory=1024'], 'no option vm.memory'],
    ['a value that is none', [disk, '--to', 'ova', '--set', 'vm.memory=lots'], '--set vm.memory'],
    ['the image as its own result', [disk, '--to', 'raw', '-o', `${top}/`, '--force'], 'is the image itself'],
  ])('refuses %s before anything is started', async (_, args, message) => {
    const { code, stdout, stderr } = await imgbuild(['convert', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(existsSync(path.join(top, 'x.vhd'))).toBe(false);
  });
});
