import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ONCE } from '../../src/exec/once.js';
import { CHECKOUT, runCommand } from '../support/cli.js';
import { DISK, runHook } from '../support/hook.js';
import { tree, type Leaf } from '../support/tree.js';

const read = (root: string, file: string): string => readFileSync(path.join(root, file), 'utf8');

const BOOT = {
  ...DISK,
  OPT_BOOT_CMDLINE: 'quiet',
  OPT_BOOT_SERIAL: 'ttyS0,115200',
  OPT_BOOT_TIMEOUT: '1',
  OPT_BOOT_SECURE_BOOT: 'false',
};

const KERNELS = { 'boot/vmlinuz-6.1.0-9-amd64': '', 'boot/vmlinuz-6.1.0-10-amd64': '' };

async function configured(env: Readonly<Record<string, string>> = {}): Promise<string> {
  const root = tree(KERNELS);
  const outcome = await runHook(root, 'bootable/base/hooks/customize/80-grub.sh', { ...BOOT, ...env });
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  return root;
}

/** GRUB's own parser finds nothing wrong. */
async function expectGood(file: string): Promise<void> {
  expect(await runCommand(['grub-script-check', file])).toEqual({ code: 0, stdout: '', stderr: '' });
}

describe("GRUB's configuration", () => {
  it('starts the newest kernel, on screen and serial port', async () => {
    const root = await configured();
    await expectGood(`${root}/boot/grub/grub.cfg`);
    const text = read(root, 'boot/grub/grub.cfg');
    expect(text).toContain(
      '  linux /boot/vmlinuz-6.1.0-10-amd64 root=$source ro quiet console=tty0 console=ttyS0,115200 $first\n',
    );
    expect(text).toContain('  initrd /boot/initrd.img-6.1.0-10-amd64 $more\n');
    expect(text).toContain(`search --no-floppy --fs-uuid --set=root ${DISK.DISK_BOOT_UUID}\n`);
    expect(text).not.toContain('terminal_');
    // The first boot overwrites it in place, which is one block.
    expect(statSync(`${root}/boot/grub/grub.cfg`).size).toBeLessThan(4096);
  });

  it.each([
    ['amd64', 'auto', 'console=tty0 console=ttyS0,115200'],
    ['arm64', 'auto', 'console=tty0 console=ttyAMA0,115200'],
    ['arm64', 'ttyS1', 'console=tty0 console=ttyS1'],
    ['arm64', '', '$first'],
  ])('finds the serial port of a machine for %s by "%s"', async (ARCH, OPT_BOOT_SERIAL, expected) => {
    const text = read(await configured({ ARCH, OPT_BOOT_SERIAL }), 'boot/grub/grub.cfg');
    expect(text).toContain(`root=$source ro quiet ${expected}`);
  });

  it('is remade by update-grub with the same settings', async () => {
    const root = await configured({ OPT_BOOT_TIMEOUT: '7', OPT_BOOT_CMDLINE: 'mitigations=auto,nosmt' });
    const { stdout } = await runCommand([
      'sh',
      '-c',
      `. '${root}/etc/default/grub.d/50-imgbuild.cfg'; echo "$GRUB_TIMEOUT|$GRUB_CMDLINE_LINUX|$GRUB_CMDLINE_LINUX_DEFAULT|"`,
    ]);
    expect(stdout).toBe('7|mitigations=auto,nosmt console=tty0 console=ttyS0,115200||\n');
  });

  it('knows a /boot of its own, subvolumes and BIOS', async () => {
    const root = await configured({
      DISK_FIRMWARE: 'both',
      DISK_BOOT_UUID: 'ffffffff-1111-4111-8111-111111111111',
      DISK_BOOT_PREFIX: '',
      DISK_ROOT_SOURCE: '/dev/mapper/vg0-root',
      DISK_ROOT_FORMAT: 'btrfs',
      DISK_ROOT_FLAGS: 'subvol=@rootfs',
      DISK_GRUB_MODULES: 'part_gpt mdraid1x ext2',
      OPT_BOOT_SERIAL: 'ttyS1,57600n8',
      OPT_BOOT_CMDLINE: '',
    });
    await expectGood(`${root}/boot/grub/grub.cfg`);
    const text = read(root, 'boot/grub/grub.cfg');
    expect(text).toContain('set source="/dev/mapper/vg0-root"');
    expect(text).toContain(
      '  linux /vmlinuz-6.1.0-10-amd64 root=$source rootflags=subvol=@rootfs ro console=tty0 console=ttyS1,57600n8 $first\n',
    );
    expect(text).toContain('insmod part_gpt\ninsmod mdraid1x\ninsmod ext2\n');
    expect(text).toContain('serial --unit=1 --speed=57600\n');
  });

  it('needs a kernel and a disk', async () => {
    const hook = 'bootable/base/hooks/customize/80-grub.sh';
    expect(await runHook(tree({}), hook, BOOT)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no kernel in /boot') as string,
    });
    expect(await runHook(tree(KERNELS), hook, { ...BOOT, DISK_ROOT_SOURCE: '' })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('needs a disk') as string,
    });
  });
});

describe('the EFI system partition', () => {
  const hook = 'bootable/uefi/hooks/customize/82-esp.sh';
  const GRUB: Readonly<Record<string, Leaf>> = {
    'usr/lib/grub/x86_64-efi/monolithic/grubx64.efi': 'plain',
    'usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed': 'signed',
    'usr/lib/shim/shimx64.efi.signed': 'shim',
    'usr/lib/shim/mmx64.efi.signed': 'keys',
  };

  it('has GRUB at the fallback path, and one sector that leads to its configuration in both places', async () => {
    const root = tree(GRUB);
    expect(await runHook(root, hook, BOOT)).toMatchObject({ code: 0, stderr: '' });
    expect(read(root, 'boot/efi/EFI/BOOT/BOOTX64.EFI')).toBe('plain');
    for (const directory of ['BOOT', 'debian']) {
      const stub = `${root}/boot/efi/EFI/${directory}/grub.cfg`;
      expect(statSync(stub).size).toBe(512);
      await expectGood(stub);
      expect(readFileSync(stub, 'utf8')).toContain(`search.fs_uuid ${DISK.DISK_BOOT_UUID} root;`);
    }
  });

  it('has room for the longest place of /boot', async () => {
    expect(await runHook(tree(GRUB), hook, { ...BOOT, DISK_BOOT_PREFIX: '/@rootfs/boot' })).toMatchObject({ code: 0 });
  });

  it("starts Debian's shim for Secure Boot, and says what bullseye's lacks", async () => {
    const root = tree(GRUB);
    const env = { ...BOOT, OPT_BOOT_SECURE_BOOT: 'true', SUITE: 'bullseye' };
    const { code, stderr } = await runHook(root, hook, env);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/CA of 2011 only/) as string });
    const place = 'boot/efi/EFI/BOOT';
    expect([read(root, `${place}/BOOTX64.EFI`), read(root, `${place}/grubx64.efi`)]).toEqual(['shim', 'signed']);
    expect(read(root, `${place}/mmx64.efi`)).toBe('keys');
  });

  it('is not made without its parts', async () => {
    expect(await runHook(tree({}), hook, BOOT)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the image has no /usr/lib/grub/x86_64-efi') as string,
    });
  });
});

describe('the initramfs', () => {
  /** An image whose tools say that this is in its initramfs. */
  function image(packed: readonly string[]): Readonly<Record<string, Leaf>> {
    const modules = 'usr/lib/modules/6.1';
    return {
      'boot/vmlinuz-6.1': '',
      [`${modules}/modules.builtin`]: 'kernel/drivers/virtio/virtio.ko\n',
      [`${modules}/modules.dep`]: 'kernel/fs/ext4/ext4.ko.xz: kernel/fs/jbd2/jbd2.ko\nkernel/net/virtio_net.ko:\n',
      list: packed.map((name) => `usr/lib/modules/6.1/kernel/${name}\n`).join(''),
    };
  }
  // Instead of a chroot: what is called in the image is known.
  const STAND_IN = `in_target() {
  [ "$1" != env ] || shift 2
  case $1 in
    update-initramfs) echo initrd > "$ROOT/boot/initrd.img-$4" ;;
    lsinitramfs) cat "$ROOT/list" ;;
  esac
}`;
  const OPTIONS = { ...DISK, OPT_INITRAMFS_REQUIRED: '', OPT_INITRAMFS_MODULES: '', OPT_KERNEL_FLAVOUR: 'generic' };

  async function check(packed: readonly string[], env = {}): Promise<{ code: number | string; stderr: string }> {
    const root = tree({ ...image(packed), standin: STAND_IN });
    const collections = path.join(CHECKOUT, 'collections');
    const script = `${ONCE}\n. '${collections}/lib.sh'\n. '${root}/standin'\n. '${collections}/bootable/base/hooks/customize/90-initramfs.sh'`;
    return await runCommand(['bash', '--norc', '--posix', '-Eeu', '-c', script], {
      env: { ROOT: root, SCRATCH: root, FILES: `${collections}/bootable/base/files`, ...OPTIONS, ...env },
    });
  }

  it.each([
    ['bullseye', 'gzip'],
    ['bookworm', 'zstd'],
    ['trixie', 'zstd'],
  ])('of %s is compressed quickly', async (suite, compress) => {
    const root = tree({});
    const env = { ...OPTIONS, SUITE: suite, OPT_INITRAMFS_CONTENTS: 'list' };
    const outcome = await runHook(root, 'bootable/base/hooks/customize/40-initramfs-settings.sh', env);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    const settings = read(root, 'etc/initramfs-tools/conf.d/20-imgbuild');
    expect(settings).toContain(`MODULES=list\nCOMPRESS=${compress}\nCOMPRESSLEVEL=3\nFSTYPE=ext4\n`);
  });

  it('has its modules with their directories as they were, wherever it is made again', async () => {
    const root = tree({});
    const env = { ...OPTIONS, OPT_INITRAMFS_CONTENTS: 'list' };
    await runHook(root, 'bootable/base/hooks/customize/40-initramfs-settings.sh', env);
    const module = path.join(root, 'lib/modules/6.1/kernel/fs/ext4.ko');
    mkdirSync(path.dirname(module), { recursive: true });
    writeFileSync(module, 'a module');
    chmodSync(path.dirname(module), 0o755);
    const packed = path.join(root, 'packed');
    mkdirSync(packed);
    // What kmod says of a module of a kernel that this machine does not have.
    const functions = path.join(root, 'hook-functions');
    writeFileSync(
      functions,
      `modprobe() { echo 'insmod ${module} '; }\nmodinfo() { echo 'filename:       ${module}'; }\n` +
        'manual_add_modules() { exit 9; }\n',
    );
    const hook = read(root, 'etc/initramfs-tools/hooks/imgbuild-modules');
    const script = hook.replace('/usr/share/initramfs-tools/hook-functions', functions);
    const made = await runCommand(['sh', '-eu', '-c', script, 'hook', ''], {
      cwd: packed,
      env: { DESTDIR: packed, version: '6.1' },
    });
    expect(made).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(readFileSync(path.join(packed, module), 'utf8')).toBe('a module');
    expect(statSync(path.join(packed, path.dirname(module))).mode & 0o777).toBe(0o755);
  });

  it('is told by the number of its modules', async () => {
    expect(await check(['fs/ext4/ext4.ko.xz'])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('initramfs of 6.1: 1 modules') as string,
    });
  });

  it('without modules ends the build', async () => {
    expect(await check([])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('has no module ext4, and the machine needs it') as string,
    });
  });

  it('must have what is required, as module or built in', async () => {
    const packed = ['fs/ext4/ext4.ko'];
    expect(await check(packed, { OPT_INITRAMFS_REQUIRED: 'virtio' })).toMatchObject({ code: 0 });
    expect(await check(packed, { OPT_INITRAMFS_REQUIRED: 'hv_storvsc', OPT_KERNEL_FLAVOUR: 'cloud' })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('kernel.flavour=cloud') as string,
    });
  });

  it('need not have what the kernel does not know, but all that it knows', async () => {
    const packed = ['fs/ext4/ext4.ko'];
    expect(await check(packed, { OPT_INITRAMFS_MODULES: 'hypverv-keyboard\nvirtio' })).toMatchObject({ code: 0 });
    expect(await check(packed, { OPT_INITRAMFS_MODULES: 'virtio-net' })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('lacks the module virtio_net') as string,
    });
  });
});

describe('kernel modules that virtual machines do without', () => {
  it('are named for both directories that kernels come in', async () => {
    const root = tree({});
    const env = { OPT_KERNEL_MINIMAL: 'true' };
    expect(await runHook(root, 'vm/base/hooks/setup/20-kernel-modules.sh', env)).toMatchObject({ code: 0, stderr: '' });
    const lines = read(root, 'etc/dpkg/dpkg.cfg.d/90imgbuild-kernel-modules').split('\n').slice(1, -1);
    for (const line of lines) expect(line).toMatch(/^path-(in|ex)clude=\/(usr\/)?lib\/modules\/\*\/kernel\/\S+$/);
    expect(lines.filter((line) => line.includes('=/lib/'))).toHaveLength(lines.length / 2);
    // dpkg takes the last rule that matches.
    const position = (rule: string): number => lines.indexOf(`path-${rule}`);
    expect(position('exclude=/usr/lib/modules/*/kernel/drivers/net/ethernet/*')).toBeGreaterThan(-1);
    expect(position('include=/usr/lib/modules/*/kernel/drivers/net/ethernet/intel/e1000*')).toBeGreaterThan(
      position('exclude=/usr/lib/modules/*/kernel/drivers/net/ethernet/*'),
    );
  });
});
