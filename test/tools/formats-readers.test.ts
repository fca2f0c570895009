import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DiskFormat } from '../../src/config/formats.js';
import type { FormatJob } from '../../src/exec/formats/job.js';
import { zstdZeros } from '../../src/output/zstd.js';
import { CHECKOUT } from '../support/cli.js';
import { shell, tool } from '../support/disk-image.js';
import { FORMATS, noise, put, writeInto } from '../support/formats.js';
import { scratch } from '../support/scratch.js';

const MIB = 2 ** 20;
const top = scratch();
const disk = path.join(top, 'disk.raw');
const swap = path.join(top, 'swap.raw');

async function writeFormats(
  formats: readonly DiskFormat[],
  directory: string,
  more: Partial<FormatJob> = {},
): Promise<void> {
  const disks = [
    { name: 'rootfs', path: disk, bytes: statSync(disk).size },
    { name: 'swap', path: swap, bytes: statSync(swap).size },
  ];
  await writeInto(directory, formats, { disks, scratch: top, ...more });
}

const made = path.join(top, 'made');
const file = (name: string): string => path.join(made, name);

/** Two neighbours in the descriptor. */
const RESOURCE = [
  '<rasd:ResourceSubType>VirtualSCSI</rasd:ResourceSubType>',
  '<rasd:ResourceType>6</rasd:ResourceType>',
];
const INDENT = '\n        ';

beforeAll(async () => {
  // Neither whole MiB nor whole grains; data at both ends, across grain tables, in half a block, and many small pieces.
  writeFileSync(disk, '');
  truncateSync(disk, 140 * MIB + 4096);
  await tool(['sfdisk', '-q', disk], 'label: gpt\nstart=1MiB, size=20MiB, type=U\nstart=21MiB, type=L\n');
  put(disk, 31 * MIB + 12345, noise(3 * MIB, 'a'));
  put(disk, 64 * MIB - 512, noise(1024, 'b'));
  put(disk, 100 * MIB, Buffer.alloc(2 * MIB, 'text that compresses. '));
  for (let n = 0; n < 40; n += 1) put(disk, 110 * MIB + n * 200_000, noise(700, String(n)));
  put(disk, 140 * MIB, noise(100, 'c'));
  writeFileSync(swap, '');
  truncateSync(swap, 8 * MIB);
  put(swap, 4086, Buffer.from('SWAPSPACE2'));
  await writeFormats(FORMATS, made);
});

describe.each([
  ['vmdk', 'vmdk'],
  ['vhdx', 'vhdx'],
  ['vhd', 'vpc'],
  ['qcow2', 'qcow2'],
  ['raw', 'raw'],
])('%s', (suffix, driver) => {
  it.each([
    ['rootfs', disk],
    ['swap', swap],
  ])('of %s is read by QEMU as what it was made from', async (part, source) => {
    const image = file(`web_${part}.${suffix}`);
    expect(await tool(['qemu-img', 'compare', '-f', 'raw', '-F', driver, source, image])).toContain('identical');
    if (!['vpc', 'raw'].includes(driver)) await tool(['qemu-img', 'check', '-q', '-f', driver, image]);
  });
});

describe('strict readers', () => {
  it.each(['vmdk', 'vhdx', 'vhd'])('7-Zip takes the whole %s, and its test finds no fault', async (suffix) => {
    const image = file(`web_rootfs.${suffix}`);
    expect(await tool(['7zz', 't', image])).toContain('Everything is Ok');
    // As GPT: the partitions one after the other.
    const theirs = await shell(`7zz e -so -- "$1" 2>/dev/null | sha256sum`, image);
    const ours = await shell(`7zz e -so -- "$1" 2>/dev/null | sha256sum`, disk);
    expect(theirs).toBe(ours);
  });

  it('libvmdk knows the kind, the size and the content id', async () => {
    const text = await tool(['vmdkinfo', file('web_rootfs.vmdk')]);
    expect(text).toMatch(/Disk type:\s+Stream optimized/);
    expect(text).toContain(`(${String(141 * MIB)} bytes)`);
    expect(text).toMatch(/Content identifier:\s+0x[0-9a-f]{8}\n/);
  });

  it.each([
    ['vhdx', 'VHDX', 'Dynamic', 141 * MIB],
    ['vhd', 'VHD', 'Fixed', 141 * MIB],
  ])('libvhdi knows the kind and size of a %s', async (suffix, format, kind, bytes) => {
    const text = await tool(['vhdiinfo', file(`web_rootfs.${suffix}`)]);
    expect(text).toMatch(new RegExp(`Format\\s+: ${format} `));
    expect(text).toMatch(new RegExp(`Disk type\\s+: ${kind}`));
    expect(text).toContain(`(${String(bytes)} bytes)`);
  });

  it('bmaptool copies by the map, and finds a damaged image', async () => {
    const [image, map, copy] = [file('web_rootfs.raw.zst'), file('web_rootfs.raw.bmap'), path.join(top, 'copy.raw')];
    await tool(['bmaptool', '-q', 'copy', '--bmap', map, image, copy]);
    expect(await tool(['qemu-img', 'compare', '-f', 'raw', '-F', 'raw', disk, copy])).toContain('identical');
    const damaged = path.join(top, 'damaged.raw');
    copyFileSync(disk, damaged);
    put(damaged, 32 * MIB, Buffer.from('x'));
    await expect(tool(['bmaptool', '-q', 'copy', '--bmap', map, damaged, copy])).rejects.toThrow('checksum');
  });

  it.each([
    ['rootfs', disk],
    ['swap', swap],
  ])('zstd makes the disk again of %s', async (part, source) => {
    const image = file(`web_${part}.raw.zst`);
    await tool(['zstd', '-tq', image]);
    expect(await shell('zstd -dcq -- "$1" | cmp - "$2" && echo same', image, source)).toBe('same\n');
  });

  it('zstd makes zeros of frames that never went through it', async () => {
    const frames = path.join(top, 'zeros.zst');
    for (const bytes of [1, 2 ** 17, 16 * MIB + 4096, 2 ** 30 + 5]) {
      writeFileSync(frames, zstdZeros(bytes));
      const same = `zstd -dcq -- "$1" | cmp - <(head -c ${String(bytes)} /dev/zero) && echo same`;
      expect(await shell(same, frames)).toBe('same\n');
    }
  });
});

describe('the OVA', () => {
  const ova = file('web_vm.ova');

  it('is a plain tar in the order that vSphere wants', async () => {
    const listing = await tool(['tar', '--numeric-owner', '-tvf', ova], '');
    const lines = listing
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/\s+/));
    expect(lines.map(([mode, owner, , , , name]) => [mode, owner, name])).toEqual([
      ['-rw-r--r--', '0/0', 'web-1.ovf'],
      ['-rw-r--r--', '0/0', 'web-1.mf'],
      ['-rw-r--r--', '0/0', 'web-1-disk1.vmdk'],
      ['-rw-r--r--', '0/0', 'web-1-disk2.vmdk'],
    ]);
    expect(await tool(['7zz', 't', ova])).toContain('Everything is Ok');
  });

  it('holds what its manifest and its descriptor say, and the same disks as the VMDKs', async () => {
    const directory = path.join(top, 'unpacked');
    mkdirSync(directory);
    await tool(['tar', '-xf', ova, '-C', directory]);
    const read = (name: string): Buffer => readFileSync(path.join(directory, name));
    const manifest = read('web-1.mf').toString();
    for (const [, name = '', hash] of manifest.matchAll(/^SHA256\((.*)\)= (\w+)$/gm)) {
      expect(createHash('sha256').update(read(name)).digest('hex'), name).toBe(hash);
    }
    expect(manifest.trimEnd().split('\n')).toHaveLength(3);
    const ovf = read('web-1.ovf').toString();
    expect(ovf).toContain(
      `ovf:href="web-1-disk1.vmdk" ovf:id="file1" ovf:size="${String(read('web-1-disk1.vmdk').length)}"`,
    );
    expect(ovf).toMatch(/ovf:capacity="141" ovf:capacityAllocationUnits="byte \* 2\^20"/);
    expect(read('web-1-disk1.vmdk').equals(readFileSync(file('web_rootfs.vmdk')))).toBe(true);
    expect(read('web-1-disk2.vmdk').equals(readFileSync(file('web_swap.vmdk')))).toBe(true);
  });

  it.each([
    ['as it is', {}],
    [
      'with everything that options can add',
      {
        'vm.annotation': 'a <b> & "c"',
        'vm.properties': 'cloud-init',
        'vm.extraConfig': ['x.y=<&>'],
        'vm.network': 'LAN',
      },
    ],
  ])('has a descriptor that a schema allows, %s', async (_, options) => {
    const directory = path.join(top, `ovf${String(Object.keys(options).length)}`);
    await writeFormats(['ova'], directory, { options });
    await shell('tar -xOf "$1" web-1.ovf > "$2"', path.join(directory, 'web_vm.ova'), path.join(directory, 'x.ovf'));
    const schema = path.join(CHECKOUT, 'test/support/ovf/envelope.xsd');
    await tool(['xmllint', '--noout', '--nonet', '--schema', schema, path.join(directory, 'x.ovf')]);
  });

  it.each([
    ['a disk without a file', 'ovf:fileRef="file1"', 'ovf:fileRef="file9"'],
    ['two disks of one name', 'ovf:diskId="vmdisk2"', 'ovf:diskId="vmdisk1"'],
    ['two files of one name', 'ovf:href="web-1-disk2.vmdk"', 'ovf:href="web-1-disk1.vmdk"'],
    ['a size in plain bytes', 'byte * 2^20" ovf:diskId', 'byte" ovf:diskId'],
    ['a parent that is not there', '<rasd:Parent>3<', '<rasd:Parent>33<'],
    ['a disk in no resource', 'ovf:/disk/vmdisk1<', '/disk/vmdisk1<'],
    ['an item without a name', '<rasd:ElementName>SCSI controller 0</rasd:ElementName>', ''],
    ['elements out of order', RESOURCE.join(INDENT), RESOURCE.toReversed().join(INDENT)],
    ['a setting that importers must know', 'ovf:required="false" vmw:key="firmware"', 'vmw:key="firmware"'],
    ['a setting without a key', 'vmw:key="firmware"', 'vmw:kei="firmware"'],
    ['two values of a setting', 'vmw:key="memoryHotAddEnabled"', 'vmw:key="cpuHotAddEnabled"'],
    ['an element that nobody knows', '<vmw:Config', '<vmw:Something/><vmw:Config'],
    ['something in a setting', 'vmw:value="efi"/>', 'vmw:value="efi"><Section/></vmw:Config>'],
    ['an attribute that nobody knows', 'vmw:osType=', 'cim:Key="x" vmw:osType='],
    ['transports with a comma', 'com.vmware.guestInfo"', 'com.vmware.guestInfo, iso"'],
  ])('has a schema that refuses %s', async (_, good, bad) => {
    const text = await tool(['tar', '-xOf', ova, 'web-1.ovf']);
    expect(text).toContain(good);
    const damaged = path.join(top, 'bad.ovf');
    writeFileSync(damaged, text.replace(good, bad));
    await tool(['xmllint', '--noout', damaged]);
    const schema = path.join(CHECKOUT, 'test/support/ovf/envelope.xsd');
    await expect(tool(['xmllint', '--noout', '--nonet', '--schema', schema, damaged])).rejects.toThrow(
      'fails to validate',
    );
  });
});

describe('equal disks', () => {
  it('give equal files, wherever their holes are and whatever was written before', async () => {
    const before = await shell('cd "$1" && sha256sum *', made);
    // The same bytes with no hole at all, under other names.
    const dense = path.join(top, 'dense.raw');
    await shell('cp --sparse=never "$1" "$2"', disk, dense);
    const disks = [
      { name: 'rootfs', path: dense, bytes: statSync(disk).size },
      { name: 'swap', path: swap, bytes: statSync(swap).size },
    ];
    const again = path.join(top, 'again');
    // The OVA first: it compresses then, and the VMDK copies.
    await writeFormats([...FORMATS].reverse(), again, { disks });
    expect(await shell('cd "$1" && sha256sum *', again)).toBe(before);
  });

  it('keep their holes', () => {
    const blocks = (name: string): number => statSync(file(name)).blocks * 512;
    for (const name of ['web_rootfs.raw', 'web_rootfs.vhd']) {
      expect(statSync(file(name)).size, name).toBeGreaterThan(140 * MIB);
      expect(blocks(name), name).toBeLessThan(12 * MIB);
    }
    expect(blocks('web_rootfs.vhdx')).toBeLessThan(20 * MIB);
  });

  it('have other identities when a byte differs', async () => {
    const other = path.join(top, 'other.raw');
    copyFileSync(disk, other);
    put(other, 120 * MIB, Buffer.from('x'));
    const directory = path.join(top, 'other');
    await writeFormats(['vhd', 'vmdk'], directory, {
      disks: [{ name: 'rootfs', path: other, bytes: statSync(other).size }],
    });
    const id = async (name: string): Promise<string> =>
      /Content identifier:.*/.exec(await tool(['vmdkinfo', path.join(name, 'web_rootfs.vmdk')]))?.[0] ?? '';
    expect(await id(directory)).not.toBe(await id(made));
    expect(await tool(['vhdiinfo', path.join(directory, 'web_rootfs.vhd')])).not.toBe(
      await tool(['vhdiinfo', file('web_rootfs.vhd')]),
    );
  });
});

describe('the script for Hyper-V', () => {
  it('names the disks beside it', () => {
    expect(readFileSync(file('web_hyper-v.ps1'), 'utf8')).toContain("    'web_rootfs.vhdx'\n    'web_swap.vhdx'\n");
  });
});

describe('writing', () => {
  it.each(['raw', 'raw.zst', 'qcow2', 'vhdx', 'vhd', 'vmdk', 'ova'] as const)(
    '%s stops when it is told to',
    async (format) => {
      const controller = new AbortController();
      controller.abort(new Error('enough'));
      const directory = path.join(top, `stopped-${format}`);
      await expect(writeFormats([format], directory, { signal: controller.signal })).rejects.toThrow('enough');
    },
  );
});
