import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { MACHINE_OPTIONS } from '../../src/config/machine-options.js';
import { checkValue } from '../../src/config/options.js';
import { ovfManifest, ovfText, safeName } from '../../src/output/ovf.js';
import { FORMATS } from '../../src/output/table.js';
import type { Machine } from '../../src/output/types.js';
import { judge } from '../../src/verify/judge.js';
import { readOvf } from '../../src/verify/read/ovf.js';
import { extraConfig, guestType, type VmwareSettings } from '../../src/output/vmware.js';

const machine: Machine = {
  name: 'web1',
  debian: 12,
  architecture: 'amd64',
  firmware: 'uefi',
  secureBoot: true,
  cpus: 2,
  memoryMiB: 2048,
};

const settings: VmwareSettings = {
  hardwareVersion: 15,
  network: 'VM Network',
  osType: '',
  hardening: false,
  hotAdd: false,
  annotation: '',
  properties: 'none',
  extraConfig: [],
};

const disks = [{ file: 'web1-disk1.vmdk', fileBytes: 1000, capacity: 2300, populated: 4000 }];

describe('an OVF', () => {
  it('is what vSphere and Proxmox VE take', async () => {
    await expect(ovfText(machine, settings, disks)).toMatchFileSnapshot('../golden/machine.ovf');
  });

  it('carries notes, questions and settings of the user', () => {
    const text = ovfText(
      machine,
      { ...settings, annotation: 'by <us> & "them"\nline', properties: 'cloud-init', extraConfig: ['a.b=x=y'] },
      disks,
    );
    expect(text).toContain('<Annotation>by &lt;us&gt; &amp; &quot;them&quot;&#10;line</Annotation>');
    expect(text).toContain('<Property ovf:key="user-data" ovf:type="string" ovf:userConfigurable="true" ovf:value="">');
    expect(text).toContain(
      'ovf:key="password" ovf:type="string" ovf:userConfigurable="true" ovf:value="" ovf:password',
    );
    expect(text).toContain('<AnnotationSection ovf:required="false">');
    expect(text).toContain('<ProductSection ovf:required="false">');
    expect(text).toContain('<vmw:ExtraConfig ovf:required="false" vmw:key="a.b" vmw:value="x=y"/>');
  });

  it.each([0x01, 0x08, 0x0b, 0x0c, 0x0e, 0x1b, 0x1f, 0xfffe, 0xffff])(
    'is never asked for the character %i, which no XML can hold',
    (code) => {
      const text = `a${String.fromCharCode(code)}b`;
      expect(checkValue(MACHINE_OPTIONS['vm.annotation'], text).ok).toBe(false);
      expect(checkValue(MACHINE_OPTIONS['vm.network'], text).ok).toBe(false);
      expect(checkValue(MACHINE_OPTIONS['vm.extraConfig'], [`a=${text}`]).ok).toBe(false);
    },
  );

  it('may have notes in any language, of several lines', () => {
    const text = 'é € 😀\tx\r\n\nlast';
    expect(checkValue(MACHINE_OPTIONS['vm.annotation'], text)).toEqual({ ok: true, value: text });
    expect(checkValue(MACHINE_OPTIONS['vm.annotation'], '')).toEqual({ ok: true, value: '' });
  });

  it('never puts a disk where the controller is', () => {
    const many = Array.from(
      { length: 9 },
      (_, n) => ({ ...disks[0], file: `d${String(n)}.vmdk` }) as (typeof disks)[0],
    );
    const units = [...ovfText(machine, settings, many).matchAll(/<rasd:AddressOnParent>(\d+)/g)].map(([, n]) => n);
    // The first is the network adapter's, on another bus.
    expect(units).toEqual(['7', '0', '1', '2', '3', '4', '5', '6', '8', '9']);
  });

  it('fixes no identity and no mode of the disk', () => {
    const text = ovfText(machine, { ...settings, hardening: true }, disks);
    expect(text).not.toMatch(/uuid|sasWWID|nonpersistent|addressType|MacAddress/i);
  });

  it('has BIOS machines without Secure Boot', () => {
    const text = ovfText({ ...machine, firmware: 'bios', secureBoot: false }, settings, disks);
    expect(text).toContain('vmw:key="firmware" vmw:value="bios"');
    expect(text).not.toContain('efiSecureBoot');
  });
});

describe('guest types', () => {
  it.each([
    [12, 15, 'debian10_64Guest'],
    [12, 17, 'debian11_64Guest'],
    [12, 20, 'debian12_64Guest'],
    [13, 21, 'debian12_64Guest'],
    [13, 22, 'debian13_64Guest'],
    [11, 21, 'debian11_64Guest'],
    [0, 21, 'debian12_64Guest'],
  ])('Debian %i on vmx-%i is %s', (debian, level, type) => {
    expect(guestType({ debian, architecture: 'amd64' }, level)).toBe(type);
  });
});

describe('settings of the machine', () => {
  it('harden unless told not to, and let the user win', () => {
    const hard = new Map(
      extraConfig({ ...settings, hardening: true, extraConfig: ['isolation.tools.copy.disable=FALSE'] }),
    );
    expect(hard.get('isolation.tools.paste.disable')).toBe('TRUE');
    expect(hard.get('isolation.tools.copy.disable')).toBe('FALSE');
    const other = ['Isolation.Tools.Copy.Disable=FALSE', 'a.b=1', 'A.B=2'];
    const names = extraConfig({ ...settings, hardening: true, extraConfig: other }).map(([name]) => name);
    expect(names.filter((name) => /^(isolation.tools.copy.disable|a.b)$/i.test(name))).toEqual([
      'A.B',
      'Isolation.Tools.Copy.Disable',
    ]);
    // Would hide the guest's addresses from vSphere, or its console from everybody.
    expect([...hard.keys()].filter((name) => /setinfo\.disable|vgaonly/i.test(name))).toEqual([]);
    expect(extraConfig(settings)).toEqual([]);
  });
});

describe('an OVA', () => {
  it.each(MACHINE_OPTIONS['vm.hardwareVersion'].values)('may be of hardware %s, which the rules take', (level) => {
    const text = ovfText(machine, { ...settings, hardwareVersion: Number(level) }, disks);
    const { findings } = judge({ file: { name: 'web1.ova', bytes: 1 }, ovf: readOvf(text, new Map()) }, ['vmware']);
    expect(findings.map(({ id }) => id)).not.toContain('VMW-OVF-HARDWARE');
  });

  it('has manifests as ovftool writes them, and names that importers take', () => {
    expect(ovfManifest([{ name: 'a.ovf', sha256: 'ab' }])).toBe('SHA256(a.ovf)= ab\n');
    expect(safeName('web 1/ü')).toBe('web-1--');
  });

  it('depends on every option of the machine', () => {
    expect([...FORMATS.ova.options]).toEqual(Object.keys(MACHINE_OPTIONS).sort());
  });

  it('is written with every option of the machine', () => {
    const code = ['artefacts.ts', '../../plan/plan.ts', '../../plan/machine.ts'].map((file) => {
      try {
        return readFileSync(new URL(`../../src/exec/formats/${file}`, import.meta.url), 'utf8');
      } catch {
        return '';
      }
    });
    const missing = Object.keys(MACHINE_OPTIONS).filter((name) => !code.some((text) => text.includes(`'${name}'`)));
    expect(missing).toEqual([]);
  });
});
