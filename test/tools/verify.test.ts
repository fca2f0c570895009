import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readArchive } from '../../src/verify/read/archive.js';
import { readImage } from '../../src/verify/read/image.js';
import { textOf } from '../../src/verify/tree.js';
import type { Platform } from '../../src/verify/types.js';
import { verifyImage } from '../../src/verify/verify.js';
import { descriptor } from '../fixtures/verify/ovf.js';
import { imgbuild } from '../support/cli.js';
import { ESP_UUID, ROOT_UUID, shell, tool, writeDisk, writeSystem, type MakeRoot } from '../support/disk-image.js';
import { scratch } from '../support/scratch.js';

const MIB = 2 ** 20;
const dir = scratch('/var/tmp');
const file = (name: string): string => path.join(dir, name);
const { signal } = new AbortController();
const reading = { workDir: dir, buildHost: '', signal };

const facts = (name: string) => readImage(file(name), reading);

/** Ids of what is found in an image, information left out. */
async function ids(name: string, ...platforms: readonly Platform[]): Promise<string[]> {
  const { findings } = await verifyImage(file(name), platforms, reading);
  return [...new Set(findings.filter(({ severity }) => severity !== 'info').map(({ id }) => id))].sort();
}

/** Copies a file and damages bytes of the copy. */
function tampered(name: string, copy: string, at: number, bytes = 1): void {
  const content = readFileSync(file(name));
  const start = at < 0 ? content.length + at : at;
  // Turned round, for identities are random: what is written over them might be there already.
  content.subarray(start, start + bytes).forEach((byte, n) => (content[start + n] = byte ^ 0xff));
  writeFileSync(file(copy), content);
}

beforeAll(async () => {
  const root = file('root');
  writeSystem(root);
  mkdirSync(file('esp/EFI/BOOT'), { recursive: true });
  mkdirSync(file('esp/EFI/debian'));
  writeFileSync(file('esp/EFI/BOOT/BOOTX64.EFI'), 'MZ');
  writeFileSync(file('esp/EFI/debian/grub.cfg'), `search.fs_uuid ${ROOT_UUID} root\nset prefix=($root)/boot/grub\n`);
  await shell(
    `umask 022; cd "$1"; find . -type d -exec chmod 755 {} +; ln -s usr/bin bin; ln -s usr/sbin sbin; ln -s dash usr/bin/sh; ln -s ../usr/lib/os-release etc/os-release
    ln -s ../../../../../../../../../../usr/share/a/very/long/target/that/fits/into/no/inode etc/long
    printf x > usr/bin/su; chmod 4755 usr/bin/su; chown 1000:1000 etc/debian_version; mkdir tmp; chmod 1777 tmp
    mkdir -p boot usr/lib/modules/6.1; echo kernel/drivers/virtio/virtio_pci.ko > usr/lib/modules/6.1/modules.builtin
    mkdir -p i/usr/lib/modules/6.1/kernel early/kernel; touch i/usr/lib/modules/6.1/kernel/{virtio_scsi,hv-storvsc}.ko.xz early/kernel/code.bin
    ( cd early; find . | cpio -o -H newc --quiet ) > boot/initrd.img-6.1
    ( cd i; find . | cpio -o -H newc --quiet | zstd -q ) >> boot/initrd.img-6.1; rm -r i early`,
    root,
  );
  await writeDisk(file('disk.raw'), root, file('esp'));
});

describe('a raw disk', () => {
  it('has the table that sfdisk writes', async () => {
    const { disk } = await facts('disk.raw');
    const { partitiontable: expected } = JSON.parse(await tool(['sfdisk', '--json', file('disk.raw')])) as {
      partitiontable: { partitions: { start: number; size: number; uuid: string; name: string }[] };
    };
    expect(disk).toMatchObject({
      table: 'gpt',
      sectorBytes: 512,
      bytes: 160 * MIB,
      defects: [],
      unread: [],
      bootCode: false,
    });
    expect(disk?.partitions.map(({ start, bytes, id, name }) => ({ start, bytes, id, name }))).toEqual(
      expected.partitions.map(({ start, size, uuid, name }) => {
        return { start: start * 512, bytes: size * 512, id: uuid.toLowerCase(), name };
      }),
    );
    expect(disk?.partitions.map(({ type, content }) => [type, content?.format, content?.uuid, content?.label])).toEqual(
      [
        ['esp', 'vfat', ESP_UUID, 'ESP'],
        ['linux', 'ext4', ROOT_UUID, 'root'],
      ],
    );
  });

  it('shows the files of ext4 and of the EFI system partition as the system sees them', async () => {
    const { tree, boot } = await facts('disk.raw');
    expect(tree).toBeDefined();
    if (tree === undefined) return;
    expect(tree.entries.get('usr/bin/su')).toMatchObject({ kind: 'file', mode: 0o4755, uid: 0 });
    expect(tree.entries.get('etc/debian_version')).toMatchObject({ uid: 1000, gid: 1000, bytes: 6 });
    expect(tree.entries.get('bin')).toMatchObject({ kind: 'symlink', target: 'usr/bin' });
    expect(tree.entries.get('etc/long')?.target).toMatch(/^(\.\.\/){10}usr\/share.*inode$/);
    expect(tree.texts.get('etc/name with "quotes" and \\ umlauts ü')).toBe('odd\n');
    expect(tree.entries.get('boot/efi/EFI/BOOT/BOOTX64.EFI')).toMatchObject({ kind: 'file', bytes: 2 });
    expect(textOf(tree, 'etc/os-release')).toContain('ID=debian');
    expect(textOf(tree, 'bin/sh')).toHaveLength(64);
    expect(boot).toMatchObject({
      signers: [],
      searched: [{ file: '/EFI/debian/grub.cfg', uuid: ROOT_UUID }],
      initramfs: [{ file: '/boot/initrd.img-6.1', modules: ['virtio_scsi', 'hv-storvsc'] }],
      builtin: ['virtio_pci'],
    });
  });

  it('is good, as it is and packed', async () => {
    await tool(['zstd', '-q', '-k', file('disk.raw')]);
    await shell('gzip -1c "$1" > "$1.gz"', file('disk.raw'));
    expect(await ids('disk.raw')).toEqual([]);
    expect(await ids('disk.raw.zst')).toEqual([]);
    expect(await ids('disk.raw.gz')).toEqual([]);
  });

  it('is found out when its table is damaged, or its copy lost', async () => {
    tampered('disk.raw', 'header.raw', 512 + 60);
    tampered('disk.raw', 'entries.raw', 1024 + 60);
    tampered('disk.raw', 'copy.raw', -512, 512);
    await shell('cp "$1" "$2"; truncate -s +1M "$2"', file('disk.raw'), file('grown.raw'));
    for (const name of ['header.raw', 'entries.raw', 'copy.raw', 'grown.raw']) {
      expect(await ids(name), name).toContain('DISK-TABLE');
      rmSync(file(name));
    }
  });

  it('shows what its files give away', async () => {
    await shell('cp -a "$1" "$2"', file('root'), file('leaky'));
    const put = (name: string, text: string): void => {
      mkdirSync(path.dirname(file(`leaky/${name}`)), { recursive: true });
      writeFileSync(file(`leaky/${name}`), text);
    };
    put('etc/machine-id', `${'0'.repeat(31)}1\n`);
    put('etc/fstab', 'UUID=99999999-2222-3333-4444-555555555555 / ext4 defaults 0 1\n');
    put('root/.ssh/id', '-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n');
    put('etc/shadow', await tool(['perl', '-e', 'print "root:".crypt("install", q{$6$salt}).":1::::::\n"']));
    await writeDisk(file('leaky.raw'), file('leaky'), file('esp'));
    const found = await ids('leaky.raw');
    expect(found).toEqual(['AUD-KNOWN-PASSWORD', 'AUD-MACHINE-ID', 'AUD-PRIVATE-KEYS', 'DISK-FSTAB']);
  });

  it('is read when its root is btrfs', async () => {
    const makeBtrfs: MakeRoot = async (disk, at, bytes, root) => {
      const part = `${disk}.btrfs`;
      writeFileSync(part, '');
      await shell('truncate -s "$1" "$2"', String(bytes), part);
      await tool(['mkfs.btrfs', '-q', '-U', ROOT_UUID, '--rootdir', root, part]);
      await shell('dd if="$1" of="$2" bs=1M seek="$3" conv=notrunc,sparse status=none', part, disk, String(at / MIB));
    };
    await writeDisk(file('btrfs.raw'), file('root'), file('esp'), makeBtrfs);
    const { tree, disk } = await facts('btrfs.raw');
    expect(disk?.partitions[1]?.content).toMatchObject({ format: 'btrfs', uuid: ROOT_UUID });
    expect(tree?.entries.get('usr/bin/su')).toMatchObject({ mode: 0o4755 });
    expect(await ids('btrfs.raw')).toEqual([]);
  });

  it('is found out when a published passphrase opens it', async () => {
    const makeLuks: MakeRoot = async (disk, at, bytes, root) => {
      const part = `${disk}.luks`;
      await shell('truncate -s "$1" "$2"', String(bytes), part);
      const cheap = ['--pbkdf', 'pbkdf2', '--pbkdf-force-iterations', '1000'];
      await tool(['cryptsetup', 'luksFormat', '--batch-mode', ...cheap, '--key-file=-', part], path.basename(root));
      await shell('dd if="$1" of="$2" bs=1M seek="$3" conv=notrunc,sparse status=none', part, disk, String(at / MIB));
    };
    await writeDisk(file('known.raw'), file('install'), file('esp'), makeLuks);
    await writeDisk(file('unknown.raw'), file('correct horse'), file('esp'), makeLuks);
    expect(await ids('known.raw')).toContain('AUD-KNOWN-PASSPHRASE');
    expect(await ids('unknown.raw')).not.toContain('AUD-KNOWN-PASSPHRASE');
    expect((await facts('unknown.raw')).luks).toEqual([{ where: 'partition 2', version: 2, passphrase: '' }]);
  });
});

describe('disks in other formats', () => {
  const convert = (name: string, format: string, ...options: readonly string[]) =>
    tool([
      'qemu-img',
      'convert',
      '-f',
      'raw',
      '-O',
      format,
      ...options.flatMap((option) => ['-o', option]),
      file('disk.raw'),
      file(name),
    ]);

  it('qcow2: header, and files in it', async () => {
    await convert('disk.qcow2', 'qcow2');
    await convert('old.qcow2', 'qcow2', 'compat=0.10');
    await tool(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', 'disk.qcow2', '-F', 'qcow2', file('overlay.qcow2')]);
    expect((await facts('disk.qcow2')).qcow2).toEqual({
      version: 3,
      bytes: 160 * MIB,
      backingFile: '',
      encrypted: false,
      snapshots: 0,
      dirty: false,
      externalData: false,
    });
    expect(await ids('disk.qcow2')).toEqual([]);
    expect(await ids('old.qcow2')).toEqual(['PVE-VM-QCOW2-VERSION']);
    expect(await ids('overlay.qcow2')).toContain('PVE-VM-QCOW2-ALONE');
    expect((await facts('overlay.qcow2')).qcow2?.backingFile).toBe('disk.qcow2');
  });

  it('VHDX: block size, sectors, checksums', async () => {
    await convert('disk.vhdx', 'vhdx', 'subformat=dynamic', 'block_size=1M');
    await convert('large.vhdx', 'vhdx', 'block_size=32M');
    expect((await facts('disk.vhdx')).vhdx).toMatchObject({
      defects: [],
      blockBytes: MIB,
      logicalSector: 512,
      bytes: 160 * MIB,
      hasParent: false,
      dirtyLog: false,
    });
    // hv_vmbus is in no initramfs here.
    expect(await ids('disk.vhdx')).toEqual(['HV-INITRAMFS']);
    expect(await ids('large.vhdx')).toEqual(['HV-INITRAMFS', 'HV-VHDX-BLOCK-LINUX']);
    tampered('disk.vhdx', 'damaged.vhdx', 64 * 1024 + 100);
    expect(await ids('damaged.vhdx')).toContain('HV-VHDX-HEADER');
  });

  it('VHD: fixed and whole, or not', async () => {
    await convert('disk.vhd', 'vpc', 'subformat=fixed', 'force_size=on');
    await convert('dynamic.vhd', 'vpc');
    expect((await facts('disk.vhd')).vhd).toEqual({ type: 'fixed', bytes: 160 * MIB, defects: [] });
    expect(await ids('disk.vhd')).toEqual(['HV-INITRAMFS']);
    expect(await ids('dynamic.vhd')).toContain('HV-VHD-FIXED');
    tampered('disk.vhd', 'damaged.vhd', -100);
    expect(await ids('damaged.vhd')).toContain('HV-VHD-FOOTER');
  });

  it('VMDK: what qemu-img leaves out', async () => {
    await convert('disk.vmdk', 'vmdk', 'subformat=streamOptimized', 'adapter_type=lsilogic');
    await convert('ide.vmdk', 'vmdk');
    expect((await facts('disk.vmdk')).vmdk).toMatchObject({
      version: 3,
      createType: 'streamOptimized',
      adapterType: 'lsilogic',
      capacity: 160 * MIB,
      grainBytes: 65536,
      compressed: true,
      markers: true,
      parent: false,
    });
    expect(await ids('disk.vmdk')).toEqual(['VMW-INITRAMFS', 'VMW-VMDK-FRAME', 'VMW-VMDK-VERSION']);
    expect(await ids('ide.vmdk')).toEqual(['VMW-INITRAMFS', 'VMW-VMDK-ADAPTER', 'VMW-VMDK-STREAM']);
  });

  it('what is no such disk cannot be read', async () => {
    for (const name of ['no.qcow2', 'no.vhdx', 'no.vhd', 'no.vmdk', 'no.raw.zst']) {
      writeFileSync(file(name), 'no disk at all');
      expect(await ids(name), name).toContain('IMAGE-READ');
    }
  });
});

describe('an appliance', () => {
  const pack = (name: string, ...order: readonly string[]) =>
    tool(['tar', '-C', dir, '--format=ustar', '--owner=0', '--group=0', '--mode=0644', '-cf', file(name), ...order]);

  it('is read without unpacking its disk', async () => {
    const options = ['-o', 'subformat=streamOptimized,adapter_type=lsilogic'];
    await tool(['qemu-img', 'convert', '-O', 'vmdk', ...options, file('disk.raw'), file('web1-disk1.vmdk')]);
    // No loader is signed here.
    const text = descriptor(statSync(file('web1-disk1.vmdk')).size, 160).replace(/ +<vmw:Config.*SecureBoot.*\n/, '');
    writeFileSync(file('web1.ovf'), text);
    await shell(
      `cd "$1"; for f in web1.ovf web1-disk1.vmdk; do printf 'SHA256(%s)= %s\\n' $f "$(sha256sum < $f | cut -c1-64)"; done > web1.mf`,
      dir,
    );
    await pack('web1.ova', 'web1.ovf', 'web1.mf', 'web1-disk1.vmdk');
    const { ova, ovf, vmdk, tree } = await facts('web1.ova');
    expect(ova?.archive.members.map(({ name }) => name)).toEqual(['web1.ovf', 'web1.mf', 'web1-disk1.vmdk']);
    expect(ovf?.defect).toBe('');
    expect(vmdk).toMatchObject({ createType: 'streamOptimized', capacity: 160 * MIB });
    expect(tree?.entries.has('usr/bin/su')).toBe(true);
    expect(await ids('web1.ova')).toEqual(['VMW-INITRAMFS', 'VMW-VMDK-FRAME', 'VMW-VMDK-VERSION']);
  });

  it('is found out when something was changed afterwards', async () => {
    await pack('order.ova', 'web1.mf', 'web1.ovf', 'web1-disk1.vmdk');
    expect(await ids('order.ova')).toContain('VMW-OVA-ORDER');
    await pack('prefix.ova', './web1.ovf', './web1.mf', './web1-disk1.vmdk');
    expect(await ids('prefix.ova')).toEqual(expect.arrayContaining(['VMW-OVA-NAMES', 'VMW-OVF-FILES']));
    await tool([
      'tar',
      '-C',
      dir,
      '--format=pax',
      '-cf',
      file('pax.ova'),
      '--pax-option=comment=x',
      'web1.ovf',
      'web1.mf',
    ]);
    expect(await ids('pax.ova')).toEqual(expect.arrayContaining(['VMW-OVA-TAR', 'VMW-OVF-FILES']));
    writeFileSync(
      file('web1.ovf'),
      readFileSync(file('web1.ovf'), 'utf8').replace('<rasd:VirtualQuantity>2<', '<rasd:VirtualQuantity>4<'),
    );
    await pack('changed.ova', 'web1.ovf', 'web1.mf', 'web1-disk1.vmdk');
    expect(await ids('changed.ova')).toContain('VMW-OVA-MANIFEST');
    writeFileSync(file('no.ova'), 'no archive at all');
    expect(await ids('no.ova')).toContain('VMW-OVA-TAR');
  });
});

describe('archives', () => {
  it('are listed as GNU tar lists them, whatever the format', async () => {
    const root = file('odd');
    mkdirSync(root);
    await shell(
      `cd "$1"; deep=$(printf 'd%.0s' {1..60}); mkdir -p "$deep/$deep/$deep"; echo deep > "$deep/$deep/$deep/file"
      long=$(printf 'l%.0s' {1..120}); echo long > "$long"; ln -s "$long$long" link; ln "$long" hard; mkfifo fifo
      head -c 5000 /dev/zero > zeros; chown 70000:80000 zeros; chmod 6711 zeros; mknod null c 1 3`,
      root,
    );
    for (const format of ['ustar', 'gnu', 'pax']) {
      const name = `odd.${format}.tar.gz`;
      // ustar has no room for these names and numbers.
      const left = format === 'ustar' ? ['--exclude=*llll*', '--exclude=hard', '--exclude=link'] : [];
      await tool(['tar', '-C', root, '-czf', file(name), `--format=${format}`, ...left, '.']);
      const listing = await tool(['tar', '-tvzf', file(name), '--numeric-owner', '--quoting-style=literal']);
      const { archive } = await readArchive(file(name), { signal, digests: false });
      expect(archive.defects).toEqual([]);
      const kinds = {
        file: '-',
        hardlink: 'h',
        directory: 'd',
        symlink: 'l',
        fifo: 'p',
        char: 'c',
        block: 'b',
        socket: 's',
      };
      expect(
        archive.members.map(({ kind, uid, gid, name: member, target }) => {
          const link = target === undefined ? '' : kind === 'hardlink' ? ` link to ${target}` : ` -> ${target}`;
          return `${kinds[kind]} ${String(uid)}/${String(gid)} ${member}${link}`;
        }),
      ).toEqual(
        listing
          .trimEnd()
          .split('\n')
          .map((line) => line.replace(/^(.)\S+ (\S+) +\S+ \S+ \S+ (.*)$/, '$1 $2 $3')),
      );
      expect(archive.members.find(({ name: member }) => member === './zeros')).toMatchObject({
        mode: 0o6711,
        bytes: 5000,
      });
    }
  });

  it('of a template are judged', async () => {
    await tool(['tar', '-C', file('root'), '--zstd', '-cf', file('ct.tar.zst'), '.']);
    expect(await ids('ct.tar.zst')).toEqual([]);
    await tool(['tar', '-C', file('root'), '-cJf', file('ct.tar.gz'), 'etc', 'usr', 'bin', 'sbin']);
    expect(await ids('ct.tar.gz')).toEqual(['PVE-CT-COMPRESSION', 'PVE-CT-PREFIX']);
    expect((await facts('ct.tar.gz')).archive?.compression).toBe('xz');
  });

  it('that are cut off are found out', async () => {
    writeFileSync(file('cut.tar.zst'), readFileSync(file('ct.tar.zst')).subarray(0, -100));
    expect(await ids('cut.tar.zst')).toContain('PVE-CT-MEMBERS');
    writeFileSync(file('empty.tar'), '');
    expect(await ids('empty.tar')).toContain('PVE-CT-MEMBERS');
    for (const format of ['qcow2', 'vhdx', 'vmdk']) {
      await shell(
        'qemu-img convert -O "$1" "$2" "$3"; truncate -s -1M "$3"',
        format,
        file('disk.raw'),
        file(`cut.${format}`),
      );
      expect(await ids(`cut.${format}`), format).toContain('IMAGE-READ');
    }
  });
});

describe('imgbuild verify', () => {
  it('lists every rule', async () => {
    const { code, stdout } = await imgbuild(['verify', '--list', '--json']);
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as unknown[]).length).toBeGreaterThan(70);
    expect(stdout).toContain('"BOOT-014"');
    const text = (await imgbuild(['verify', '--list'])).stdout;
    expect(text).toContain('PVE-CT-NAME ');
    expect(text).toMatch(/^BOOT-001 +error +The machine starts/m);
  });

  it('says what is wrong with its arguments', async () => {
    expect((await imgbuild(['verify'])).stderr).toContain('nothing to verify');
    expect((await imgbuild(['verify', 'no-such-thing', '-o', dir])).stderr).toContain('neither a file nor a profile');
    expect((await imgbuild(['verify', 'package.json'])).stderr).toContain('of no kind that imgbuild knows');
    expect((await imgbuild(['verify', '--platform', 'xen', 'x.tar'])).stderr).toContain('hyper-v');
    for (const option of ['--no-rules', '--secure-boot']) {
      const { code, stderr } = await imgbuild(['verify', option, 'x.qcow2']);
      expect([code, stderr]).toEqual([2, expect.stringContaining(`${option} says something of boots only`)]);
    }
    expect((await imgbuild(['verify', '--boot', '--boot-timeout', '0s', 'x.qcow2'])).code).toBe(2);
  });
});
