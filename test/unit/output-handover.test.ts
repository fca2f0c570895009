import { describe, expect, it } from 'vitest';
import { FORMAT_NAMES } from '../../src/config/formats.js';
import { handover, type HandoverFacts } from '../../src/output/handover.js';
import { hyperVScript } from '../../src/output/powershell.js';
import { FORMATS } from '../../src/output/table.js';
import type { Machine } from '../../src/output/types.js';

const machine: Machine = {
  name: 'web1',
  debian: 12,
  architecture: 'amd64',
  firmware: 'uefi',
  secureBoot: false,
  cpus: 4,
  memoryMiB: 4096,
};

function facts(names: readonly string[], more: Partial<HandoverFacts> = {}): HandoverFacts {
  const files = names.map((link) => ({
    link,
    name: link.replace('.', '_2026-11-23_1795405842.'),
    ...(link.includes('.incus.') ? { fingerprint: 'f'.repeat(64) } : {}),
  }));
  return { profile: 'web1', architecture: 'amd64', debian: 12, machine, cloudInit: false, files, ...more };
}

describe('the hand-over text', () => {
  it('of all formats names every file as published, and every platform', async () => {
    const names = FORMAT_NAMES.map((format) =>
      format === 'ova' ? 'web1_vm.ova' : `web1_rootfs${FORMATS[format].suffixes[0]}`,
    );
    const text = handover(facts(names));
    await expect(text).toMatchFileSnapshot('../golden/handover.md');
    for (const { name } of facts(names.slice(1)).files) expect(text).toContain(name);
  });

  it('of a container has pct and incus, and nothing about machines', () => {
    const text = handover(facts(['web1_rootfs.tar.zst'], { machine: undefined }));
    expect(text).toContain('pct create 200 local:vztmpl/web1_rootfs_2026-11-23_1795405842.tar.zst');
    expect(text).toContain('incus launch web1 NAME\n');
    expect(text).not.toMatch(/qm |--vm|virt-install/);
  });

  it('of an image for Incus in two files imports both, metadata first, and tells the fingerprint', () => {
    const names = ['web1_rootfs.incus.tar.xz', 'web1_rootfs.incus.squashfs'];
    const text = handover(facts(names, { machine: undefined }));
    const [metadata, data] = facts(names).files.map(({ name }) => name);
    expect(text).toContain(`incus image import ${metadata ?? ''} ${data ?? ''} --alias web1`);
    expect(text).toContain(`    ${'f'.repeat(64)}\n`);
    expect(text).not.toContain('only read');
  });

  it('names what platforms do not take for granted on arm64', () => {
    const container = handover(facts(['web1_rootfs.tar.zst'], { architecture: 'arm64', machine: undefined }));
    expect(container).toContain('--ostype debian --arch arm64 \\\n');
    expect(container).toContain("printf 'architecture: aarch64");
    const arm = handover(facts(['web1_rootfs.qcow2'], { architecture: 'arm64' }));
    expect(arm).toContain('--bios ovmf --arch aarch64 --machine virt --efidisk0');
    expect(arm).toContain('  --arch aarch64 --machine virt \\\n');
    expect(arm).not.toContain('q35');
    expect(handover(facts(['web1_rootfs.qcow2', 'web1_rootfs.tar.zst']))).not.toMatch(/arm64|aarch64|--arch/);
  });

  it('follows the firmware and Secure Boot', () => {
    const secure = handover(facts(['web1_rootfs.qcow2'], { machine: { ...machine, secureBoot: true } }));
    expect(secure).toContain('pre-enrolled-keys=1');
    expect(secure).toContain('firmware.feature0.name=secure-boot,firmware.feature0.enabled=yes');
    expect(secure).toContain('firmware.feature1.name=enrolled-keys,firmware.feature1.enabled=yes');
    expect(secure).toContain('security.secureboot=true');
    const bios = handover(facts(['web1_rootfs.qcow2'], { machine: { ...machine, firmware: 'bios' } }));
    expect(bios).not.toMatch(/ovmf|efidisk|firmware=efi/);
  });

  it('attaches the second disk, too', () => {
    const text = handover(facts(['web1_rootfs.qcow2', 'web1_swap.qcow2']));
    expect(text).toContain('--scsi1 local-lvm:0,import-from=/PATH/web1_swap_2026-11-23_1795405842.qcow2');
    expect(text).toContain('--boot order=scsi0');
  });

  it('brings every disk to where Hyper-V is told to look for it', () => {
    const text = handover(facts(['web1_rootfs.vhdx', 'web1_swap.vhdx']));
    const places = [...text.matchAll(/-(?:VHD)?Path (\S+)/g)].map(([, place = '']) => place);
    expect(places).toHaveLength(2);
    const copied = [...text.matchAll(/Copy-Item \S+ (\S+)\n\s+fsutil sparse setflag (\S+) 0/g)];
    expect(copied.map(([, to]) => to)).toEqual(places);
    expect(copied.map(([, , to]) => to)).toEqual(places);
  });

  it('attaches it for Incus and Azure, and uploads it', () => {
    const incus = handover(facts(['web1_rootfs.qcow2', 'web1_swap.qcow2']));
    expect(incus).toContain('convert -n -O raw web1_swap_2026-11-23_1795405842.qcow2 /dev/BLOCK-DEVICE');
    expect(incus).toContain('incus config device add NAME disk2 disk source=/dev/BLOCK-DEVICE');
    const azure = handover(facts(['web1_rootfs.vhd', 'web1_swap.vhd']));
    expect(azure).toContain('azcopy copy web1_swap_2026-11-23_1795405842.vhd');
    expect(azure).toContain('--attach-os-disk web1 --attach-data-disks web1-2');
  });

  it.each([
    ['qcow2', 'qm disk resize 600 scsi0 40G'],
    ['qcow2', 'qemu-img resize -f qcow2 /var/lib/libvirt/images/web1_rootfs_2026-11-23_1795405842.qcow2 40G'],
    ['qcow2', '-d root,size=40GiB'],
    ['incus', '-d root,size=40GiB'],
    ['vhdx', 'Resize-VHD C:\\VMs\\web1.vhdx -SizeBytes 40GB'],
    ['vhd', 'az disk update -g GROUP -n web1 --size-gb 40'],
    ['ova', "govc vm.disk.change -vm=web1 -disk.label='Hard disk 1' -size=40G"],
    ['ova', 'qm disk resize 600 scsi0 40G'],
    // A disk as it is runs in machines, too.
    ['raw', 'qm create 600 --name web1'],
    ['raw', 'qemu-img resize -f raw /var/lib/libvirt/images/web1_rootfs_2026-11-23_1795405842.raw 40G'],
  ] as const)('of %s tells how to make the disk larger before the first start: %s', (format, command) => {
    expect(handover(facts([`web1_rootfs${FORMATS[format].suffixes[0]}`]))).toContain(command);
  });

  it('gives a machine with cloud-init a drive that tells it something, and no other', () => {
    const files = ['web1_rootfs.qcow2'];
    expect(handover(facts(files, { cloudInit: true }))).toMatch(
      /--ide2 local-lvm:cloudinit [^]*--cloud-init user-data=/,
    );
    expect(handover(facts(files))).not.toMatch(/cloud-?init/);
  });

  it('has each name once for Incus, and each chapter once', () => {
    const text = handover(facts(FORMAT_NAMES.map((format) => `web1_rootfs${FORMATS[format].suffixes[0]}`)));
    const names = [...text.matchAll(/--alias (\S+)/g)].map(([, name]) => name);
    expect(names).toEqual(['web1', 'web1-incus-split', 'web1-qcow2']);
    const titles = [...text.matchAll(/^## (.*)$/gm)].map(([, title]) => title);
    expect(titles.filter((title, n) => titles.indexOf(title) !== n && !title?.startsWith('Incus'))).toEqual([]);
    const container = handover(facts(['web1_rootfs.tar.zst'], { machine: undefined }));
    expect(container).toContain('--alias web1\n');
  });

  it('makes a machine of the first generation of Hyper-V where there is a BIOS', () => {
    const bios: Machine = { ...machine, firmware: 'bios' };
    const text = handover(facts(['web1_rootfs.vhdx'], { machine: bios }));
    expect(text).toContain('## Hyper-V, generation 1');
    expect(text).toContain('-Generation 1 ');
    for (const either of [text, hyperVScript(bios, ['a.vhdx'])]) expect(either).not.toMatch(/Generation 2|Firmware/);
    expect(hyperVScript(bios, ['a.vhdx'])).toContain('-Generation 1 ');
  });

  it('leaves no chapter for a block map alone', () => {
    expect(handover(facts(['web1_rootfs.raw.bmap']))).not.toContain('## ');
  });
});

describe('the script for Hyper-V', () => {
  it("trusts Microsoft's authority for other systems only with Secure Boot", () => {
    expect(hyperVScript({ ...machine, secureBoot: true }, ['a.vhdx'])).toContain(
      'Set-VMFirmware -VMName $Name -EnableSecureBoot On -SecureBootTemplate MicrosoftUEFICertificateAuthority\n',
    );
    expect(hyperVScript(machine, ['a.vhdx'])).toContain('-EnableSecureBoot Off\n');
  });

  it('quotes names, and knows all disks', () => {
    const script = hyperVScript(machine, ["it's.vhdx", 'swap.vhdx']);
    expect(script).toContain("    'it''s.vhdx'\n    'swap.vhdx'\n");
    expect(script).toContain('[long] $Memory = 4096MB');
  });
});
