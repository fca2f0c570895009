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
  return { profile: 'web1', architecture: 'amd64', debian: 12, machine, files, ...more };
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

  it('follows the firmware and Secure Boot', () => {
    const secure = handover(facts(['web1_rootfs.qcow2'], { machine: { ...machine, secureBoot: true } }));
    expect(secure).toContain('pre-enrolled-keys=1');
    expect(secure).toContain('firmware.feature0.enabled=yes');
    expect(secure).toContain('security.secureboot=true');
    const bios = handover(facts(['web1_rootfs.qcow2'], { machine: { ...machine, firmware: 'bios' } }));
    expect(bios).not.toMatch(/ovmf|efidisk|firmware=efi/);
  });

  it('attaches the second disk, too', () => {
    const text = handover(facts(['web1_rootfs.qcow2', 'web1_swap.qcow2']));
    expect(text).toContain('--scsi1 local-lvm:0,import-from=/PATH/web1_swap_2026-11-23_1795405842.qcow2');
    expect(text).toContain('--boot order=scsi0');
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
